//! The page in a real browser, without JavaScript.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::server::Server;
use crate::close::home::Home;

/// Chromium without a screen, with scripts switched off. None where it is not installed, which is said.
fn chromium(arguments: &[&str], home: &Path, url: &str) -> Option<String> {
    let output = Command::new("timeout")
        .args([
            "60",
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--blink-settings=scriptEnabled=false",
        ])
        .arg(format!("--user-data-dir={}", home.join("chromium").display()))
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
    let home = Home::without_keys();
    home.run_ok(&["close", "--no-collect", "--month", "2026-10", "--at", "2026-11-02T06:00:00Z", "--accept", "UNSIGNED"]);
    let server = Server::start(&home.path("wattledger.toml"));
    let url = format!("http://{}/closed", server.address);

    let Some(page) = chromium(&["--dump-dom"], home.root(), &url) else { return };

    assert!(page.contains("October 2026") && page.contains("report/report.xlsx") && !page.contains("<script"), "{page}");
    // The same digits as on the report's cover, and the exact figures behind them.
    let report = fs::read_to_string(home.closed(1).join("report/report.html")).unwrap();
    let totals = home.seal(1)["totals"].clone();
    for name in ["facility_mj", "scope2_location_based_ugco2e", "scope2_market_based_ugco2e"] {
        let exact = totals[name].as_i64().unwrap();
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
