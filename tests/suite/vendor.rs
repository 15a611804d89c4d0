//! Elements of a vendor in descriptions: rule DDF036.

use impskit::catalogue::{self, Options};
use impskit::diagnose::{Diagnostic, Grade, Severity};

const NAMESPACE: &str = "xmlns:MSFT=\"http://schemas.microsoft.com/MobileDevice/DM\"";

/// Returns a description of one leaf, with elements of the vendor behind its properties.
fn described(format: &str, default: &str, extension: &str) -> String {
    format!(
        "<MgmtTree {NAMESPACE}><VerDTD>1.2</VerDTD><Node><NodeName>Leaf</NodeName><DFProperties>\
         <AccessType><Get/></AccessType><DefaultValue>{default}</DefaultValue><DFFormat><{format}/></DFFormat>\
         <Scope><Dynamic/></Scope><DFType><MIME>text/plain</MIME></DFType>{extension}</DFProperties></Node></MgmtTree>"
    )
}

fn findings(text: &str) -> Vec<Diagnostic> {
    let checked = catalogue::check(text.as_bytes(), "vendor.ddf.xml", &Options::default());
    assert_eq!(checked.kind.map(|kind| kind.id), Some("ddf"));
    let found = checked.report.diagnostics().iter().filter(|d| d.rule.code == "DDF036").cloned();
    found.inspect(|d| assert_eq!(d.grade, Some(Grade::Vendor), "{}", d.message)).collect()
}

fn messages(format: &str, default: &str, extension: &str) -> Vec<String> {
    findings(&described(format, default, extension)).into_iter().map(|d| d.message).collect()
}

/// One row a fault: format, default, extension, and words of the one finding.
#[test]
fn values_that_contradict_themselves_are_named() {
    #[rustfmt::skip]
    let rows = [
        ("int", "0", "<MSFT:AllowedValues ValueType='Range'><MSFT:Value>[1-16]</MSFT:Value></MSFT:AllowedValues>", "`0` is no number from 1 to 16"),
        ("int", "4", "<MSFT:AllowedValues ValueType='Range'><MSFT:Value>[9-1]</MSFT:Value></MSFT:AllowedValues>", "begins at 9 and ends at 1"),
        ("int", "4", "<MSFT:AllowedValues ValueType='Range'><MSFT:Value>1 to 9</MSFT:Value></MSFT:AllowedValues>", "`1 to 9` is no range"),
        ("int", "4", "<MSFT:AllowedValues ValueType='Range'><MSFT:Value>[0-4294967295]</MSFT:Value></MSFT:AllowedValues>", "beyond format int"),
        ("int", "3", "<MSFT:AllowedValues ValueType='ENUM'><MSFT:Enum><MSFT:Value>1</MSFT:Value></MSFT:Enum></MSFT:AllowedValues>", "`3` is none of the values"),
        ("bool", "true", "<MSFT:AllowedValues ValueType='ENUM'><MSFT:Enum><MSFT:Value>True</MSFT:Value></MSFT:Enum><MSFT:Enum><MSFT:Value>2</MSFT:Value></MSFT:Enum></MSFT:AllowedValues>", "`2` is no value of format bool"),
        ("int", "1", "<MSFT:AllowedValues ValueType='ENUM'><MSFT:Enum><MSFT:Value>1</MSFT:Value></MSFT:Enum><MSFT:Enum><MSFT:Value>1</MSFT:Value></MSFT:Enum></MSFT:AllowedValues>", "`1` is given twice"),
        ("chr", "1;7", "<MSFT:AllowedValues ValueType='ENUM'><MSFT:Enum><MSFT:Value>1</MSFT:Value></MSFT:Enum><MSFT:List Delimiter=';'/></MSFT:AllowedValues>", "`7` is none of the values"),
        ("int", "8", "<MSFT:AllowedValues ValueType='Flag'><MSFT:Enum><MSFT:Value>0x1</MSFT:Value></MSFT:Enum><MSFT:Enum><MSFT:Value>2</MSFT:Value></MSFT:Enum></MSFT:AllowedValues>", "not made of the bits 0x3"),
        ("int", "0", "<MSFT:AllowedValues ValueType='Flag'><MSFT:Enum><MSFT:Value>1</MSFT:Value></MSFT:Enum><MSFT:Enum><MSFT:Value>6</MSFT:Value></MSFT:Enum></MSFT:AllowedValues>", "0x6 is neither one bit"),
        ("chr", "a", "<MSFT:AllowedValues ValueType='RegEx'><MSFT:Value>^([a-z]+$</MSFT:Value></MSFT:AllowedValues>", "opens a group that is not closed"),
        ("chr", "a", "<MSFT:AllowedValues ValueType='XSD'><MSFT:Value><![CDATA[<xs:schema xmlns:xs='x'>]]></MSFT:Value></MSFT:AllowedValues>", "the schema is no well-formed XML"),
        ("chr", "a", "<MSFT:AllowedValues ValueType='XSD'><MSFT:Value><![CDATA[<a/>]]></MSFT:Value></MSFT:AllowedValues>", "the root of a schema is `schema`"),
        ("chr", "a", "<MSFT:AllowedValues ValueType='JSON'><MSFT:Value>{\"a\": }</MSFT:Value></MSFT:AllowedValues>", "no JSON"),
        ("chr", "a", "<MSFT:AllowedValues ValueType='ADMX'/>", "values of type ADMX need `AdmxBacked`"),
        ("chr", "a", "<MSFT:AllowedValues ValueType='ADMX'><MSFT:AdmxBacked Area='A' Name='N'/></MSFT:AllowedValues>", "does not say its File"),
        ("chr", "a", "<MSFT:AllowedValues ValueType='None'><MSFT:Value>1</MSFT:Value></MSFT:AllowedValues>", "values of type None have no `Value`"),
        ("chr", "a", "<MSFT:AllowedValues ValueType='Prose'/>", "`Prose` is no ValueType"),
        ("chr", "a", "<MSFT:AllowedValues/>", "does not say its ValueType"),
        ("chr", "a", "<MSFT:AllowedValues ValueType='None'><MSFT:List/></MSFT:AllowedValues>", "does not say its Delimiter"),
        ("chr", "a", "<MSFT:Applicability><MSFT:OsBuildVersion>10.0.1, new</MSFT:OsBuildVersion></MSFT:Applicability>", "`new` is no build"),
        ("chr", "a", "<MSFT:Applicability><MSFT:CspVersion>one</MSFT:CspVersion></MSFT:Applicability>", "`one` is no version"),
        ("chr", "a", "<MSFT:Applicability><MSFT:EditionAllowList>0x4;0x88*;4G;</MSFT:EditionAllowList></MSFT:Applicability>", "`4G` is no edition"),
        ("chr", "a", "<MSFT:DynamicNodeNaming><MSFT:ClientInventory/></MSFT:DynamicNodeNaming>", "the node has the name `Leaf`"),
        ("chr", "a", "<MSFT:DependencyBehavior/>", "`DependencyGroup` is missing in `MSFT:DependencyBehavior`"),
        ("chr", "a", "<MSFT:ReplaceBehavior>Merge</MSFT:ReplaceBehavior>", "`Merge` is not one of Append, Replace"),
        ("chr", "a", "<MSFT:RebootBehavior>Soon</MSFT:RebootBehavior>", "`Soon` is not one of"),
        ("chr", "a", "<MSFT:ConflictResolution>Random</MSFT:ConflictResolution>", "`Random` is not one of"),
        ("chr", "a", "<MSFT:GpMapping GpEnglishName='n'/>", "does not say its GpAreaPath"),
        ("chr", "a", "<MSFT:CommonErrorResults><MSFT:CommonErrorOne>1</MSFT:CommonErrorOne><MSFT:CommonErrorTwo>1</MSFT:CommonErrorTwo><MSFT:CommonErrorThree>1</MSFT:CommonErrorThree><MSFT:CommonErrorFour>1</MSFT:CommonErrorFour><MSFT:CommonErrorFive>1</MSFT:CommonErrorFive><MSFT:CommonErrorSix>1</MSFT:CommonErrorSix><MSFT:CommonErrorSeven>1</MSFT:CommonErrorSeven><MSFT:CommonErrorEight>1</MSFT:CommonErrorEight><MSFT:CommonErrorNine>1</MSFT:CommonErrorNine></MSFT:CommonErrorResults>", "`CommonErrorTen` is missing"),
        ("chr", "a", "<MSFT:Deprecated OsBuildDeprecated='soon'/>", "`soon` is no build"),
        ("chr", "a", "<MSFT:AtomicRequired>yes</MSFT:AtomicRequired>", "must be empty"),
        ("chr", "a", "<MSFT:ConflictResolution>LastWrite</MSFT:ConflictResolution><MSFT:ReplaceBehavior>Append</MSFT:ReplaceBehavior>", "stands too late"),
        ("chr", "a", "<MSFT:AtomicRequired/><MSFT:AtomicRequired/>", "may stand once"),
        ("chr", "a", "<MSFT:Colour>red</MSFT:Colour><MSFT:Colour>blue</MSFT:Colour>", "none of the vendor's elements"),
        ("chr", "a", "<MSFT:AtomicRequired when='now'/>", "has no attribute `when`"),
        ("int", "1", "<MSFT:RWAccess>7</MSFT:RWAccess>", "`7` is not 1 (read)"),
        ("int", "1", "<MSFT:AccessRole>all</MSFT:AccessRole>", "`all` is no number"),
        ("int", "1", "<MSFT:MinValue>5</MSFT:MinValue><MSFT:MaxValue>4</MSFT:MaxValue>", "MaxValue 4 is below MinValue 5"),
        ("int", "1", "<MSFT:MinValue>5</MSFT:MinValue><MSFT:MaxValue></MSFT:MaxValue>", "`1` is no number from 5 on"),
        ("chr", "abc", "<MSFT:MaxLength>2</MSFT:MaxLength>", "longer than MaxLength 2"),
        ("int", "9", "<MSFT:SupportedValues low='0' high='5'/>", "`9` is no number from 0 to 5"),
        ("int", "9", "<MSFT:SupportedValues AllowedValues='1,2'/>", "`9` is none of the values"),
    ];
    for (format, default, extension, words) in rows {
        let messages = messages(format, default, extension);
        assert_eq!(messages.len(), 1, "{extension}: {messages:?}");
        assert!(messages[0].contains(words), "{extension}: {messages:?}");
    }
}

#[test]
fn sound_extensions_are_not_spoken_of() {
    #[rustfmt::skip]
    let rows = [
        ("int", "3", "<MSFT:Applicability><MSFT:OsBuildVersion>10.0.22000, 10.0.19043.1202</MSFT:OsBuildVersion><MSFT:CspVersion>1.0</MSFT:CspVersion><MSFT:EditionAllowList>0x4;0x1B;0x88*;</MSFT:EditionAllowList><MSFT:RequiresAzureAd/></MSFT:Applicability><MSFT:AllowedValues ValueType='Range'><MSFT:Value>[(-1)-9]</MSFT:Value></MSFT:AllowedValues><MSFT:AtomicRequired/>"),
        ("bool", "False", "<MSFT:AllowedValues ValueType='ENUM'><MSFT:Enum><MSFT:Value>false</MSFT:Value><MSFT:ValueDescription>Off</MSFT:ValueDescription></MSFT:Enum></MSFT:AllowedValues>"),
        ("int", "0x3", "<MSFT:AllowedValues ValueType='Flag'><MSFT:Enum><MSFT:Value>0x0</MSFT:Value></MSFT:Enum><MSFT:Enum><MSFT:Value>0x1</MSFT:Value></MSFT:Enum><MSFT:Enum><MSFT:Value>0x2</MSFT:Value></MSFT:Enum><MSFT:Enum><MSFT:Value>0x3</MSFT:Value></MSFT:Enum></MSFT:AllowedValues>"),
        ("chr", "a\u{F000}b", "<MSFT:AllowedValues ValueType='ENUM'><MSFT:Enum><MSFT:Value>a</MSFT:Value></MSFT:Enum><MSFT:Enum><MSFT:Value>b</MSFT:Value></MSFT:Enum><MSFT:List Delimiter='0xF000'/></MSFT:AllowedValues>"),
        ("int", "", "<MSFT:RWAccess>3</MSFT:RWAccess><MSFT:MinValue></MSFT:MinValue><MSFT:MaxValue>65535</MSFT:MaxValue><MSFT:MaxLength></MSFT:MaxLength>"),
        ("int", "1", "<MSFT:SupportedValues low='0' high='1'/><MSFT:ConflictResolution>LowestValueMostSecure</MSFT:ConflictResolution><MSFT:NotSupportedOnPlatform>phone</MSFT:NotSupportedOnPlatform>"),
        ("chr", "", "<MSFT:DependencyBehavior><MSFT:DependencyGroup FriendlyId='1'><MSFT:Dependency Type='DependsOn'><MSFT:DependencyUri>Vendor/MSFT/A</MSFT:DependencyUri><MSFT:DependencyAllowedValue ValueType='ENUM'><MSFT:Enum><MSFT:Value>1</MSFT:Value></MSFT:Enum></MSFT:DependencyAllowedValue></MSFT:Dependency></MSFT:DependencyGroup></MSFT:DependencyBehavior>"),
    ];
    for (format, default, extension) in rows {
        assert_eq!(messages(format, default, extension), [""; 0], "{extension}");
    }
}

#[test]
fn other_namespaces_are_noted_once_a_kind() {
    let text = described("chr", "", "<o:a/><o:a/><o:b/><u:c/>").replace("<MgmtTree", "<MgmtTree xmlns:o='urn:o'");
    let found = findings(&text);
    let names: Vec<_> = found.iter().map(|d| d.message.split('`').nth(1).unwrap_or_default()).collect();
    assert_eq!(names, ["o:a", "o:b", "u:c"]);
    assert!(found.iter().all(|d| d.severity == Severity::Note && d.path == "./Leaf"));
}

/// The prefix is the document's choice, and both schemes of the namespace are in use.
#[test]
fn the_namespace_counts_and_not_the_prefix() {
    let text = described("chr", "", "<MSFT:RWAccess>9</MSFT:RWAccess>");
    let text =
        text.replace("MSFT:", "m:").replace("xmlns:MSFT", "xmlns:m").replace("http://schemas.m", "https://schemas.m");
    assert_eq!(findings(&text).len(), 1);
}

/// Faults of shipped descriptions, each looked at by hand: ranges written as enumerations, and a schema without its last `>`.
#[test]
fn faults_of_the_corpus_are_found() {
    let Some(corpus) = std::env::var_os("IMPSKIT_CORPUS") else { return };
    let folder = std::path::Path::new(&corpus).join("ddf");
    let findings = |name: &str| findings(&std::fs::read_to_string(folder.join(name)).expect(name));
    let laps = findings("win2025-02-LAPS.ddf.xml");
    assert_eq!(laps.iter().filter(|d| d.message == "values of type Range stand in `Value`, not in `Enum`").count(), 2);
    let policies = findings("win20h2-PolicyDDF_all.ddf.xml");
    let schemas: Vec<_> =
        policies.iter().filter(|d| d.message.starts_with("the schema is no well-formed XML")).collect();
    assert_eq!(schemas.len(), 1);
    assert_eq!(schemas[0].severity, Severity::Warning);
}
