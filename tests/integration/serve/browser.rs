//! The page in a real browser, without JavaScript.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::server::Server;
use crate::close::home::Home;

/// Chromium without a screen, with scripts switched off. None where it is not installed, which is said.
fn chromium(arguments: &[&str], home: &Path, url: &str) -> Option<String> {
    let profile = home.join("chromium");
    fs::create_dir_all(profile.join("Default")).unwrap();
    // The switch that a person finds in its settings; the command line's own takes away what `--headless` itself needs.
    fs::write(profile.join("Default/Preferences"), r#"{"profile":{"default_content_setting_values":{"javascript":2}}}"#).unwrap();
    let output = Command::new("timeout")
        .args(["60", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(arguments)
        .arg(url)
        .output()
        .ok()?;
    if output.status.code() == Some(127) {
        eprintln!("chromium is not installed; tests/run installs it");
        return None;
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_browser_without_scripts_shows_months_with_the_reports_figures_and_its_style() {
    let Some(home) = Home::with_closed_month() else { return };
    fs::write(home.path("scripts.html"), "<p>off</p><script>document.body.textContent = 'on'</script>").unwrap();
    let scripts = format!("file://{}", home.path("scripts.html").display());
    let Some(page) = chromium(&["--dump-dom"], home.root(), &scripts) else { return };
    assert!(page.contains("<p>off</p>"), "scripts are not switched off: {page}");
    let server = Server::start(&home.path("wattledger.toml"));
    let url = format!("http://{}/closed", server.address);

    let page = chromium(&["--dump-dom"], home.root(), &url).unwrap();

    assert!(page.contains("signed, and the signature holds"), "{page}");

    assert!(page.contains("October 2026") && page.contains("report/report.xlsx") && !page.contains("<script"), "{page}");
    // The same digits as on the report's cover, and the exact figures behind them.
    let report = fs::read_to_string(home.closed(1).join("report/report.html")).unwrap();
    let totals = home.seal(1)["totals"].clone();
    for name in ["facility_mj", "scope2_location_based_ugco2e", "scope2_market_based_ugco2e", "scope3_known_ugco2e"] {
        let scope3 = || ["1", "2", "3", "8"].map(|n| totals[format!("scope3_category_{n}_ugco2e")].as_i64().unwrap()).iter().sum();
        let exact: i64 = totals[name].as_i64().unwrap_or_else(scope3);
        let shown =
            page.split(&format!("data-figure=\"{name}\" data-value=\"{exact}\">")).nth(1).unwrap_or_else(|| panic!("{name} {exact}"));
        let shown = shown.split(" <small>").next().unwrap();
        assert!(report.contains(&format!("data-figure=\"{name}\" data-value=\"{exact}\">{shown} <small>")), "{name}: {shown}");
    }
    // A picture is white where no style was let in.
    let picture = home.path("page.png");
    let shot = format!("--screenshot={}", picture.display());
    chromium(&[&shot, "--window-size=1060,1400"], home.root(), &url).unwrap();
    assert!(fs::metadata(&picture).unwrap().len() > 20_000, "nothing to be seen");
    if let Some(out) = std::env::var_os("WATTLEDGER_PICTURES") {
        fs::copy(&picture, Path::new(&out).join("closed-months.png")).unwrap();
    }
}

#[test]
fn the_bundle_is_the_one_that_export_writes_and_parts_of_it_fit_together() {
    let Some(home) = Home::with_closed_month() else { return };
    let out = home.path("october.tar.zst");
    home.run_ok(&["export", "--month", "2026-10", "--out", out.to_str().unwrap()]);
    let exported = fs::read(out).unwrap();
    let spool = home.path("spool");
    home.append(&format!("\n[serve]\nspool = \"{}\"\n", spool.display()));
    let server = Server::start(&home.path("wattledger.toml"));
    let path = "/closed/2026-10/1/bundle.tar.zst";

    let (first, second) = std::thread::scope(|scope| {
        let ask = |range| {
            let server = &server;
            move || loop {
                let reply = server.get(path, &[("Range", range)]);
                // It is being put together: the two ask for one bundle, and the machine may be slow.
                if reply.status != 503 {
                    return reply;
                }
                std::thread::sleep(std::time::Duration::from_secs(1));
            }
        };
        let (first, second) = (scope.spawn(ask("bytes=0-1999999")), scope.spawn(ask("bytes=2000000-")));
        (first.join().unwrap(), second.join().unwrap())
    });

    assert_eq!((first.status, second.status, first.header("etag")), (206, 206, second.header("etag")));
    assert!([first.body, second.body].concat() == exported, "it differs from what export writes");
    assert_eq!(fs::read_dir(&spool).unwrap().count(), 0, "nothing of it has a name");
    // What it is made of was changed: nothing is given, also by a server that begins anew.
    drop(server);
    let usage = home.path("evidence/edge-fr/2026-10-07/usage-000.parquet");
    let mut bytes = fs::read(&usage).unwrap();
    bytes[100] ^= 1;
    fs::write(&usage, bytes).unwrap();
    let server = Server::start(&home.path("wattledger.toml"));
    let reply = server.get(path, &[]);
    assert!(reply.status == 409 && reply.text().contains("EVIDENCE_CHANGED"), "{} {}", reply.status, reply.text());
    assert_eq!(fs::read_dir(&spool).unwrap().count(), 0);
    // The same of a file of the closed month itself.
    drop(server);
    let mut bytes = fs::read(&usage).unwrap();
    bytes[100] ^= 1;
    fs::write(&usage, bytes).unwrap();
    let report = home.path("evidence/closed/2026-10/1/report/report.html");
    fs::write(&report, [fs::read(&report).unwrap(), b" ".to_vec()].concat()).unwrap();
    let server = Server::start(&home.path("wattledger.toml"));
    let reply = server.get(path, &[]);
    assert!(reply.status == 409 && reply.text().contains("EVIDENCE_CHANGED"), "{} {}", reply.status, reply.text());
}

#[test]
fn a_month_that_another_key_signed_is_listed_and_nothing_of_it_is_given() {
    let (Some(home), Some(other)) = (Home::with_closed_month(), Home::with_keys()) else { return };
    fs::copy(other.path("wattledger.pub"), home.path("wattledger.pub")).unwrap();
    let server = Server::start(&home.path("wattledger.toml"));

    let page = server.get("/closed", &[]).text();
    assert!(page.contains("October 2026") && page.contains("the signature does not hold") && !page.contains("report.xlsx"), "{page}");
    assert!(!page.contains("data-figure"), "figures that nobody vouches for are shown");
    let reply = server.get("/closed/2026-10/1/files/report/report.html", &[]);
    assert!(reply.status == 409 && reply.text().contains("BAD_SIGNATURE"), "{}", reply.text());
}
