//! Writes XML with few words.
//!
//! In: element names, attributes, text. Out: indented XML, escaped. Rule: the writer escapes; characters that XML cannot hold become U+FFFD.
//! Assumes: names are right. Does not: know XHTML or XBRL.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

pub struct Xml(Writer<Vec<u8>>);

impl Xml {
    pub fn new() -> io::Result<Self> {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 1);
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        Ok(Self(writer))
    }

    /// An element with what `inner` writes into it.
    pub fn element(&mut self, name: &str, attributes: &[(&str, &str)], inner: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        self.0.write_event(Event::Start(start(name, attributes)))?;
        inner(self)?;
        self.0.write_event(Event::End(BytesEnd::new(name)))
    }

    /// An element that holds text alone.
    pub fn leaf(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) -> io::Result<()> {
        self.element(name, attributes, |xml| xml.text(text))
    }

    pub fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
        self.0.write_event(Event::Empty(start(name, attributes)))
    }

    pub fn text(&mut self, text: &str) -> io::Result<()> {
        self.0.write_event(Event::Text(BytesText::new(&clean(text))))
    }

    pub fn finish(self) -> Vec<u8> {
        let mut bytes = self.0.into_inner();
        bytes.push(b'\n');
        bytes
    }
}

fn start<'a>(name: &'a str, attributes: &[(&str, &str)]) -> BytesStart<'a> {
    let mut start = BytesStart::new(name);
    for (name, value) in attributes {
        start.push_attribute((*name, clean(value).as_str()));
    }
    start
}

/// XML 1.0 has no characters for most control codes, not even escaped.
fn clean(text: &str) -> String {
    let is_xml = |letter: char| !letter.is_control() || matches!(letter, '\t' | '\n' | '\r') || ('\u{80}'..='\u{9f}').contains(&letter);
    let replaced = |letter: char| if is_xml(letter) && !matches!(letter, '\u{fffe}' | '\u{ffff}') { letter } else { '\u{fffd}' };
    text.chars().map(replaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_replaced_and_the_rest_is_escaped() {
        let mut xml = Xml::new().unwrap();
        xml.leaf("p", &[("title", "\"<&\u{0}")], "a < b & \u{1}\u{ffff}").unwrap();
        let text = String::from_utf8(xml.finish()).unwrap();
        assert!(text.contains("<p title=\"&quot;&lt;&amp;\u{fffd}\">a &lt; b &amp; \u{fffd}\u{fffd}</p>"), "{text}");
    }
}
