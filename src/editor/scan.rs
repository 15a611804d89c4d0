//! Markup as far as it goes: the elements of a text that may be broken at any place, because somebody is typing.
//!
//! Nothing is refused: an end tag without a start is passed over, an element without an end ends with what is around it,
//! and a tag that is not closed ends where the next one starts.

use std::collections::HashMap;
use std::ops::Range;

/// Elements and attributes of a text at the most; as many as readers take.
const MOST: usize = 400_000;

/// The elements of a text.
#[derive(Debug, Default)]
pub(super) struct Markup {
    /// In the order in which they start: parents before children.
    pub(super) nodes: Vec<Node>,
    /// Those that are open at the end of the text, the innermost last.
    pub(super) open: Vec<usize>,
    /// What the text ends in.
    pub(super) end: End,
    /// Where the first end tag stands that ends nothing.
    pub(super) stray: Option<usize>,
}

/// An element. All places are offsets.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) parent: Option<usize>,
    pub(super) tag: Tag,
    /// What is between the tags.
    pub(super) inner: Range<usize>,
    /// The whole element.
    pub(super) span: Range<usize>,
    /// The first node behind this one and all below it.
    after: usize,
}

/// A start tag.
#[derive(Debug, Clone, Default)]
pub(super) struct Tag {
    pub(super) name: Range<usize>,
    pub(super) attributes: Vec<Attribute>,
}

/// An attribute, its value without quotes.
#[derive(Debug, Clone)]
pub(super) struct Attribute {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
}

/// What a text ends in: where somebody types.
#[derive(Debug, Default)]
pub(super) enum End {
    /// Between tags.
    #[default]
    Content,
    /// The name of a start tag, from here.
    Name(usize),
    /// The name of an end tag, from here.
    Closing(usize),
    /// A start tag, before an attribute or in the name of one, from here.
    Attribute(Tag, usize),
    /// The value of that attribute, from here.
    Value(Tag, Range<usize>, usize),
    /// A comment or whatever else nobody helps with.
    Other,
}

impl Markup {
    /// Reads a text.
    pub(super) fn read(text: &str) -> Self {
        let mut scanner = Scanner { text, at: 0, names: HashMap::new(), markup: Self::default(), attributes: 0 };
        scanner.markup.end = scanner.run().err().unwrap_or_default();
        let Scanner { mut markup, .. } = scanner;
        markup.open.clone().into_iter().rev().for_each(|node| markup.close(node, text.len(), text.len()));
        markup
    }

    /// Returns the elements in an element, in order; those at the top where there is none.
    pub(super) fn children(&self, node: Option<usize>) -> impl Iterator<Item = usize> {
        let (first, end) = node.map_or((0, self.nodes.len()), |node| (node + 1, self.nodes[node].after));
        let within = move |&child: &usize| child < end;
        std::iter::successors(Some(first).filter(within), move |&child| Some(self.nodes[child].after).filter(within))
    }

    /// Returns the innermost element around an offset.
    pub(super) fn around(&self, offset: usize) -> Option<usize> {
        let mut found = None;
        let mut last = self.nodes.partition_point(|node| node.span.start <= offset).checked_sub(1);
        while let Some(node) = last {
            if offset <= self.nodes[node].span.end {
                found = Some(node);
                break;
            }
            last = self.nodes[node].parent;
        }
        found
    }

    /// Returns the elements around an element and itself, the outermost first.
    pub(super) fn path(&self, node: usize) -> Vec<usize> {
        let mut path: Vec<_> = std::iter::successors(Some(node), |&node| self.nodes[node].parent).collect();
        path.reverse();
        path
    }

    fn close(&mut self, node: usize, inner_end: usize, end: usize) {
        self.nodes[node].after = self.nodes.len();
        let node = &mut self.nodes[node];
        (node.inner.end, node.span.end) = (inner_end.max(node.inner.start), end);
    }
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    /// How many elements of each name are open.
    names: HashMap<&'t str, usize>,
    attributes: usize,
    markup: Markup,
}

impl<'t> Scanner<'t> {
    /// Reads all; fails where the text ends in something else than content, with that.
    fn run(&mut self) -> Result<(), End> {
        while let Some(found) = self.rest().find('<') {
            self.at += found;
            let rest = self.rest();
            if rest.starts_with("<!--") {
                self.skip_past("-->", 4)?;
            } else if rest.starts_with("<![CDATA[") {
                self.skip_past("]]>", 9)?;
            } else if rest.starts_with("<?") {
                self.skip_past("?>", 2)?;
            } else if rest.starts_with("<!") {
                self.skip_declaration()?;
            } else if rest.starts_with("</") {
                self.end_tag()?;
            } else {
                self.start_tag()?;
            }
            if self.markup.nodes.len() + self.attributes > MOST {
                return Err(End::Other);
            }
        }
        Ok(())
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_past(&mut self, end: &str, from: usize) -> Result<(), End> {
        let found = self.rest()[from..].find(end).ok_or(End::Other)?;
        self.at += from + found + end.len();
        Ok(())
    }

    /// Passes over a document type with what stands in its brackets.
    fn skip_declaration(&mut self) -> Result<(), End> {
        let mut depth = 0_usize;
        for (i, octet) in self.rest().bytes().enumerate() {
            match octet {
                b'[' => depth += 1,
                b']' => depth = depth.saturating_sub(1),
                b'>' if depth == 0 => {
                    self.at += i + 1;
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(End::Other)
    }

    fn end_tag(&mut self) -> Result<(), End> {
        let start = self.at;
        self.at += 2;
        let name = self.take_name();
        if self.at == self.text.len() {
            return Err(End::Closing(start + 2));
        }
        self.skip_white();
        self.skip_if('>');
        self.end(&self.text[name], start);
        Ok(())
    }

    fn end(&mut self, name: &'t str, start: usize) {
        if self.names.get(name).is_none_or(|&open| open == 0) {
            self.markup.stray.get_or_insert(start);
            return;
        }
        while let Some(node) = self.markup.open.pop() {
            let open = &self.text[self.markup.nodes[node].tag.name.clone()];
            self.names.entry(open).and_modify(|count| *count -= 1);
            let is_it = open == name;
            self.markup.close(node, start, if is_it { self.at } else { start });
            if is_it {
                break;
            }
        }
    }

    fn start_tag(&mut self) -> Result<(), End> {
        let start = self.at;
        self.at += 1;
        let mut tag = Tag { name: self.take_name(), attributes: Vec::new() };
        if self.at == self.text.len() {
            return Err(End::Name(start + 1));
        }
        if tag.name.is_empty() {
            // A sign for itself.
            return Ok(());
        }
        let is_empty = self.attributes(&mut tag)?;
        self.attributes += tag.attributes.len();
        let node = self.markup.nodes.len();
        let parent = self.markup.open.last().copied();
        let name = &self.text[tag.name.clone()];
        self.markup.nodes.push(Node { parent, tag, inner: self.at..self.at, span: start..self.at, after: node + 1 });
        if !is_empty {
            self.markup.open.push(node);
            *self.names.entry(name).or_default() += 1;
        }
        Ok(())
    }

    /// Reads attributes up to the end of a tag; returns whether the element is empty. A tag that is not closed ends where
    /// the next one starts.
    fn attributes(&mut self, tag: &mut Tag) -> Result<bool, End> {
        loop {
            self.skip_white();
            let start = self.at;
            match self.rest().chars().next() {
                None => return Err(End::Attribute(tag.clone(), start)),
                Some('<') => return Ok(false),
                Some('>') => {
                    self.at += 1;
                    return Ok(false);
                }
                Some('/') => {
                    self.at += 1;
                    if self.skip_if('>') {
                        return Ok(true);
                    }
                    continue;
                }
                Some(_) => {}
            }
            let name = self.take_name();
            if self.at == self.text.len() {
                return Err(End::Attribute(tag.clone(), start));
            }
            self.skip_white();
            if !self.skip_if('=') {
                if self.at == start {
                    // A quote that closes nothing.
                    self.at += 1;
                }
                continue;
            }
            self.skip_white();
            let quote = self.rest().chars().next().filter(|c| matches!(c, '"' | '\''));
            let Some(quote) = quote else { continue };
            self.at += 1;
            let value = self.at;
            match self.rest().find([quote, '<']) {
                None => return Err(End::Value(tag.clone(), name, value)),
                Some(length) => {
                    self.at += length;
                    tag.attributes.push(Attribute { name, value: value..self.at });
                    self.skip_if(quote);
                }
            }
        }
    }

    fn take_name(&mut self) -> Range<usize> {
        let start = self.at;
        let end = |c: char| c.is_ascii_whitespace() || matches!(c, '<' | '>' | '/' | '=' | '"' | '\'');
        self.at += self.rest().find(end).unwrap_or(self.rest().len());
        start..self.at
    }

    fn skip_white(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_ascii_start().len();
    }

    fn skip_if(&mut self, sign: char) -> bool {
        let is_there = self.rest().starts_with(sign);
        self.at += if is_there { sign.len_utf8() } else { 0 };
        is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the elements as `parent/name=inner`.
    fn elements(text: &str) -> Vec<String> {
        let markup = Markup::read(text);
        let name = |node: usize| &text[markup.nodes[node].tag.name.clone()];
        let one = |node: usize| {
            let path: Vec<_> = markup.path(node).into_iter().map(name).collect();
            format!("{}={}", path.join("/"), &text[markup.nodes[node].inner.clone()])
        };
        (0..markup.nodes.len()).map(one).collect()
    }

    #[test]
    fn reads_what_is_well_formed() {
        let text = "<?xml?><!DOCTYPE a [<!ELEMENT a ANY>]><a x='1>' y=\"2\"><!-- <b> --><b/><c><![CDATA[<d>]]></c></a>";
        let inner = "<!-- <b> --><b/><c><![CDATA[<d>]]></c>";
        assert_eq!(elements(text), [format!("a={inner}"), "a/b=".to_owned(), "a/c=<![CDATA[<d>]]>".to_owned()]);
        let markup = Markup::read(text);
        let values = markup.nodes[0].tag.attributes.iter().map(|a| &text[a.value.clone()]);
        assert_eq!(values.collect::<Vec<_>>(), ["1>", "2"]);
        let children: Vec<_> = markup.children(Some(0)).collect();
        assert_eq!((children, markup.children(None).collect::<Vec<_>>()), (vec![1, 2], vec![0]));
    }

    #[test]
    fn goes_on_behind_faults() {
        assert_eq!(elements("<a><b>1</a></z><c>2"), ["a=<b>1", "a/b=1", "c=2"]);
        assert_eq!(elements("<a><b x='1 <c/></a>"), ["a=<b x='1 <c/>", "a/b=<c/>", "a/b/c="]);
        assert_eq!(elements("< <a> < & </ a></a>"), ["a= < & </ a>"]);
    }

    #[test]
    fn knows_what_a_text_ends_in() {
        let end = |text: &str| Markup::read(text).end;
        assert!(matches!(end("<a>"), End::Content));
        assert!(matches!(end("<a><"), End::Name(4)));
        assert!(matches!(end("<a><bc"), End::Name(4)));
        assert!(matches!(end("<a></"), End::Closing(5)));
        assert!(matches!(end("<a>x</a"), End::Closing(6)));
        assert!(matches!(end("<a x='1' "), End::Attribute(_, 9)));
        assert!(matches!(end("<a x"), End::Attribute(_, 3)));
        assert!(matches!(end("<a x='1' y=\"2"), End::Value(_, name, 12) if name == (9..10)));
        assert!(matches!(end("<a><!-- <b"), End::Other));
        assert_eq!(Markup::read("<a></b></a>").stray, Some(3));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "([<>/ab ='\"]|<a|</a>|<!--|-->|<!|\\[|ä){0,40}") {
            let markup = Markup::read(&text);
            for (i, node) in markup.nodes.iter().enumerate() {
                proptest::prop_assert!(node.after > i && node.span.end <= text.len());
                proptest::prop_assert!(node.inner.start <= node.inner.end && node.inner.end <= node.span.end);
                proptest::prop_assert!(text.get(node.inner.clone()).is_some() && text.get(node.span.clone()).is_some());
                let parent = node.parent.map_or(0..text.len(), |parent| markup.nodes[parent].inner.clone());
                proptest::prop_assert!(parent.start <= node.span.start && node.span.end <= parent.end);
            }
        }
    }
}
