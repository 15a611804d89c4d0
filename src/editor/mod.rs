//! A language server without its streams: it is told what an editor says, and answers what to say to the editor.
//!
//! ```text
//! Message ── Editor ── document ── findings    what is wrong, and changes that mend it
//!                         │        hover       what stands here
//!                         │        outline     what is in the document
//!                         │        complete    what may be written here
//!                       scan                   elements of a text that may be broken at any place
//!                       text                   places as editors count them
//! ```
//!
//! The protocol is the Language Server Protocol 3.17, its messages those of [`lsp_server`]. [`Editor::handle`] takes one
//! message; findings on what changed come of [`Editor::settle`], so that who reads messages from a queue checks once
//! behind several of them.

mod complete;
mod document;
mod findings;
mod hover;
mod language;
mod outline;
mod profile;
mod scan;
mod text;

use std::collections::BTreeMap;

use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionParams, CompletionOptions, CompletionParams,
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams,
    DocumentFormattingParams, DocumentSymbolParams, DocumentSymbolResponse, HoverParams, InitializeParams,
    InitializeResult, MessageType, OneOf, PublishDiagnosticsParams, ServerCapabilities, ServerInfo, ShowMessageParams,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions, Uri,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::inspect;
use document::Document;

/// The server's side of a session with an editor.
#[derive(Debug, Default)]
pub struct Editor {
    stage: Stage,
    documents: BTreeMap<String, Document>,
    client: Client,
    /// What is to be said beside answers.
    outgoing: Vec<Message>,
}

/// How far a session is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing was said yet.
    #[default]
    New,
    /// Documents are looked at.
    Open,
    /// The editor said that it will leave.
    ShutDown,
    /// The editor left, after having said so or not.
    Left { in_order: bool },
}

/// What the editor can do.
#[derive(Debug, Default, Clone, Copy)]
struct Client {
    /// Completions may have places for the cursor.
    snippets: bool,
}

/// Why a request is not answered.
struct Refusal {
    code: ErrorCode,
    message: String,
}

type Answer = Result<Value, Refusal>;

impl Editor {
    /// Returns the server's side of a session in which nothing was said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what the editor says and returns what to say to it. Answers of the editor are passed over: it is asked
    /// nothing.
    pub fn handle(&mut self, message: Message) -> Vec<Message> {
        match message {
            Message::Request(Request { id, method, params }) => {
                let answer = self.answer(&method, params);
                self.outgoing.push(respond(id, answer).into());
            }
            Message::Notification(Notification { method, params }) => self.notice(&method, params),
            Message::Response(_) => {}
        }
        std::mem::take(&mut self.outgoing)
    }

    /// Returns the findings on all documents that changed since they were last told.
    pub fn settle(&mut self) -> Vec<Message> {
        let changed = self.documents.values_mut().filter(|document| !document.is_told);
        let tell = |document: &mut Document| {
            document.is_told = true;
            publish(document.uri.clone(), findings::diagnostics(document), Some(document.version))
        };
        changed.map(tell).collect()
    }

    /// Returns whether the editor left, and then whether it did so in order: 0 is the exit code then, else 1
    /// (Language Server Protocol, "Exit Notification").
    pub fn has_left(&self) -> Option<bool> {
        match self.stage {
            Stage::Left { in_order } => Some(in_order),
            _ => None,
        }
    }

    fn answer(&mut self, method: &str, params: Value) -> Answer {
        match (self.stage, method) {
            (Stage::New, "initialize") => self.initialize(read(method, params)?),
            (Stage::New, _) => refuse(ErrorCode::ServerNotInitialized, "`initialize` comes first"),
            (Stage::ShutDown | Stage::Left { .. }, _) => refuse(ErrorCode::InvalidRequest, "the server is shut down"),
            (Stage::Open, "initialize") => refuse(ErrorCode::InvalidRequest, "`initialize` was said already"),
            (Stage::Open, "shutdown") => {
                self.stage = Stage::ShutDown;
                Ok(Value::Null)
            }
            (Stage::Open, "textDocument/hover") => {
                let HoverParams { text_document_position_params: place, .. } = read(method, params)?;
                let document = self.document(&place.text_document.uri);
                write(document.and_then(|document| hover::at(document, document.text.offset(place.position))))
            }
            (Stage::Open, "textDocument/documentSymbol") => {
                let DocumentSymbolParams { text_document, .. } = read(method, params)?;
                let document = self.document(&text_document.uri);
                write(document.map(outline::symbols).map(DocumentSymbolResponse::Nested))
            }
            (Stage::Open, "textDocument/completion") => {
                let CompletionParams { text_document_position: place, .. } = read(method, params)?;
                let document = self.document(&place.text_document.uri);
                let offset = |document: &Document| document.text.offset(place.position);
                write(document.map(|document| complete::at(document, offset(document), self.client.snippets)))
            }
            (Stage::Open, "textDocument/codeAction") => {
                let CodeActionParams { text_document, range, context, .. } = read(method, params)?;
                let document = self.document(&text_document.uri);
                write(document.map(|document| findings::actions(document, range, context.only.as_deref())))
            }
            (Stage::Open, "textDocument/formatting") => {
                let DocumentFormattingParams { text_document, .. } = read(method, params)?;
                self.format(&text_document.uri)
            }
            (Stage::Open, _) => refuse(ErrorCode::MethodNotFound, &format!("`{method}` is not known here")),
        }
    }

    fn notice(&mut self, method: &str, params: Value) {
        let outcome = match (self.stage, method) {
            (stage, "exit") => {
                self.stage = Stage::Left { in_order: stage == Stage::ShutDown };
                Ok(())
            }
            (Stage::Open, "textDocument/didOpen") => read(method, params).map(|params| self.open(params)),
            (Stage::Open, "textDocument/didChange") => read(method, params).map(|params| self.change(params)),
            (Stage::Open, "textDocument/didSave") => read(method, params).map(|params| self.save(params)),
            (Stage::Open, "textDocument/didClose") => read(method, params).map(|params| self.close(&params)),
            // The protocol has others; who does not know them passes over them.
            _ => Ok(()),
        };
        if let Err(Refusal { message, .. }) = outcome {
            self.log(MessageType::ERROR, message);
        }
    }

    fn initialize(&mut self, params: InitializeParams) -> Answer {
        self.stage = Stage::Open;
        let completion = params.capabilities.text_document.and_then(|t| t.completion).and_then(|c| c.completion_item);
        self.client = Client { snippets: completion.and_then(|item| item.snippet_support).unwrap_or(false) };
        write(InitializeResult {
            capabilities: capabilities(),
            server_info: Some(ServerInfo {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        })
    }

    fn open(&mut self, DidOpenTextDocumentParams { text_document: item }: DidOpenTextDocumentParams) {
        let document = Document::new(item.uri.clone(), &item.language_id, item.version, item.text);
        self.documents.insert(item.uri.as_str().to_owned(), document);
    }

    fn change(&mut self, params: DidChangeTextDocumentParams) {
        let Some(document) = self.documents.get_mut(params.text_document.uri.as_str()) else { return };
        for change in params.content_changes {
            document.change(change.range, change.text);
        }
        document.version = params.text_document.version;
    }

    fn save(&mut self, params: DidSaveTextDocumentParams) {
        let Some(document) = self.documents.get_mut(params.text_document.uri.as_str()) else { return };
        match params.text {
            Some(text) => document.change(None, text),
            None => document.is_told = false,
        }
    }

    fn close(&mut self, DidCloseTextDocumentParams { text_document: item }: &DidCloseTextDocumentParams) {
        if self.documents.remove(item.uri.as_str()).is_some() {
            self.outgoing.push(publish(item.uri.clone(), Vec::new(), None));
        }
    }

    /// Answers how a document is laid out: no edits where it is already. One without a layout is left, and that is logged.
    fn format(&mut self, uri: &Uri) -> Answer {
        let Some(document) = self.document(uri) else { return Ok(Value::Null) };
        match inspect::format(document.text.as_str().as_bytes()) {
            Ok(formatted) => write(document.text.edit_to(&formatted).into_iter().collect::<Vec<_>>()),
            Err(error) => {
                self.log(MessageType::INFO, format!("not laid out: {error}"));
                Ok(Value::Null)
            }
        }
    }

    fn document(&self, uri: &Uri) -> Option<&Document> {
        self.documents.get(uri.as_str())
    }

    fn log(&mut self, typ: MessageType, message: String) {
        self.outgoing.push(notification("window/logMessage", ShowMessageParams { typ, message }));
    }
}

fn capabilities() -> ServerCapabilities {
    let actions = CodeActionOptions {
        code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, findings::fix_all()]),
        ..CodeActionOptions::default()
    };
    let completion = CompletionOptions {
        trigger_characters: Some(["<", "/", "\"", "'"].map(str::to_owned).into()),
        ..CompletionOptions::default()
    };
    let synchronisation = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        save: Some(TextDocumentSyncSaveOptions::Supported(true)),
        ..TextDocumentSyncOptions::default()
    };
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Options(synchronisation)),
        hover_provider: Some(true.into()),
        document_symbol_provider: Some(OneOf::Left(true)),
        completion_provider: Some(completion),
        code_action_provider: Some(actions.into()),
        document_formatting_provider: Some(OneOf::Left(true)),
        ..ServerCapabilities::default()
    }
}

fn publish(uri: Uri, diagnostics: Vec<lsp_types::Diagnostic>, version: Option<i32>) -> Message {
    let params = PublishDiagnosticsParams { uri, diagnostics, version };
    notification("textDocument/publishDiagnostics", params)
}

fn notification(method: &str, params: impl serde::Serialize) -> Message {
    Notification::new(method.to_owned(), params).into()
}

fn respond(id: RequestId, answer: Answer) -> Response {
    match answer {
        Ok(value) => Response::new_ok(id, value),
        Err(Refusal { code, message }) => Response::new_err(id, code as i32, message),
    }
}

fn read<T: DeserializeOwned>(method: &str, params: Value) -> Result<T, Refusal> {
    serde_json::from_value(params).map_err(|error| Refusal {
        code: ErrorCode::InvalidParams,
        message: format!("`{method}` cannot be read: {error}"),
    })
}

fn write(value: impl serde::Serialize) -> Answer {
    serde_json::to_value(value).map_err(|error| Refusal { code: ErrorCode::InternalError, message: error.to_string() })
}

fn refuse(code: ErrorCode, message: &str) -> Answer {
    Err(Refusal { code, message: message.to_owned() })
}
