//! Conditions and ranges, by hand from RFC 9110.

use super::*;

fn kind() -> Kind {
    Kind {
        month: "2026-10".to_owned(),
        edition: 1,
        path: "report/report.html".to_owned(),
        sha256: "ab".repeat(32),
        bytes: 1_000,
        file_name: "wattledger-2026-10-1-report.html".to_owned(),
        content_type: "text/html; charset=utf-8",
        shown: Shown::Saved,
        // Mon, 02 Nov 2026 06:00:00 GMT.
        sealed_at: UNIX_EPOCH + Duration::from_secs(1_793_599_200),
    }
}

fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn whoever_has_the_file_does_not_get_it_again() {
    let etag = kind().etag();
    let weak = format!("W/{etag}");
    let list = format!("\"other\", {etag}");
    for tags in [etag.as_str(), &weak, &list, "*"] {
        let response = unchanged(&kind(), &headers(&[(IF_NONE_MATCH, tags)])).unwrap();
        assert_eq!(
            (response.status(), &response.headers()[ETAG]),
            (StatusCode::NOT_MODIFIED, &HeaderValue::from_str(&etag).unwrap()),
            "{tags}"
        );
    }
    for (since, is_unchanged) in [("Mon, 02 Nov 2026 06:00:00 GMT", true), ("Mon, 02 Nov 2026 05:59:59 GMT", false), ("yesterday", false)] {
        assert_eq!(unchanged(&kind(), &headers(&[(IF_MODIFIED_SINCE, since)])).is_some(), is_unchanged, "{since}");
    }
    // The date does not count where there is a tag.
    let both = headers(&[(IF_NONE_MATCH, "\"other\""), (IF_MODIFIED_SINCE, "Mon, 02 Nov 2026 06:00:00 GMT")]);
    assert!(unchanged(&kind(), &both).is_none());
    assert!(unchanged(&kind(), &headers(&[])).is_none());
}

#[test]
fn one_range_is_given_and_anything_else_is_all_of_it_or_nothing() {
    for (range, wanted) in [
        ("bytes=0-99", Part::Range(0, 99)),
        ("bytes=900-", Part::Range(900, 999)),
        ("bytes=900-5000", Part::Range(900, 999)),
        ("bytes=-100", Part::Range(900, 999)),
        ("bytes=999-999", Part::Range(999, 999)),
        ("bytes=1000-", Part::Nothing),
        ("bytes=-0", Part::Nothing),
        ("bytes=0-0,5-9", Part::Whole),
        ("bytes=9-0", Part::Whole),
        ("lines=0-9", Part::Whole),
        ("bytes=a-b", Part::Whole),
    ] {
        assert_eq!(part(&kind(), &Method::GET, &headers(&[(RANGE, range)])), wanted, "{range}");
    }
    assert_eq!(part(&kind(), &Method::HEAD, &headers(&[(RANGE, "bytes=0-99")])), Part::Whole);
    assert_eq!(part(&kind(), &Method::GET, &headers(&[(RANGE, "bytes=0-9"), (RANGE, "bytes=0-9")])), Part::Whole);
    let empty = Kind { bytes: 0, ..kind() };
    assert_eq!(part(&empty, &Method::GET, &headers(&[(RANGE, "bytes=0-")])), Part::Nothing);
}

#[test]
fn a_download_goes_on_only_with_the_file_that_it_was_begun_with() {
    let etag = kind().etag();
    for (condition, wanted) in [
        (etag.as_str(), Part::Range(500, 999)),
        ("Mon, 02 Nov 2026 06:00:00 GMT", Part::Range(500, 999)),
        ("Mon, 02 Nov 2026 06:00:01 GMT", Part::Whole),
        ("\"other\"", Part::Whole),
        // A weak tag promises less than the same bytes.
        (&format!("W/{etag}"), Part::Whole),
    ] {
        assert_eq!(part(&kind(), &Method::GET, &headers(&[(RANGE, "bytes=500-"), (IF_RANGE, condition)])), wanted, "{condition}");
    }
}
