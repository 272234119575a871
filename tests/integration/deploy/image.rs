//! The image: its Dockerfile read as text, and its root laid out with the very script that the Dockerfile runs, and entered.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::require_understood;
use crate::sample::root;

const PROGRAM: &str = env!("CARGO_BIN_EXE_wattledger");

/// The instructions of a Dockerfile, each with its stage; a line that ends in a backslash goes on.
fn instructions() -> Vec<(usize, String, String)> {
    let text = fs::read_to_string(root().join("deploy/image/Dockerfile")).unwrap().replace("\\\n", " ");
    let mut stage = 0;
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let read = lines.map(|line| {
        let (instruction, rest) = line.split_once(' ').unwrap();
        stage += usize::from(instruction == "FROM");
        (stage, instruction.to_owned(), rest.trim().to_owned())
    });
    read.collect()
}

fn of<'a>(instructions: &'a [(usize, String, String)], stage: usize, instruction: &str) -> Vec<&'a str> {
    instructions.iter().filter(|(of_stage, name, _)| *of_stage == stage && name == instruction).map(|(_, _, rest)| rest.as_str()).collect()
}

/// What the build stage copies from the repository.
fn copied() -> Vec<String> {
    let instructions = instructions();
    let copies = of(&instructions, 1, "COPY");
    copies.iter().flat_map(|copy| copy.split_whitespace().rev().skip(1)).map(str::to_owned).collect()
}

#[test]
fn the_image_is_the_program_and_what_it_needs_and_runs_as_nobody() {
    let instructions = instructions();
    assert_eq!(of(&instructions, 1, "FROM"), ["${RUST_IMAGE} AS build"]);
    assert_eq!(of(&instructions, 2, "FROM"), ["scratch"]);
    assert!(of(&instructions, 3, "FROM").is_empty());
    assert_eq!(of(&instructions, 2, "COPY"), ["--from=build /root-of-image/ /"]);
    let user = of(&instructions, 2, "USER");
    let numbers: Vec<u32> = user[0].split(':').map(|number| number.parse().expect("a kubelet trusts numbers alone")).collect();
    assert!(user.len() == 1 && numbers.iter().all(|number| *number >= 10_000), "{user:?}");
    assert_eq!(of(&instructions, 2, "ENTRYPOINT"), ["[\"/usr/local/bin/wattledger\"]"]);
    let command: Vec<String> = serde_json::from_str(of(&instructions, 2, "CMD")[0]).unwrap();
    require_understood(&command);
    for label in ["title", "description", "licenses", "version"] {
        assert!(of(&instructions, 2, "LABEL")[0].contains(&format!("org.opencontainers.image.{label}=")), "{label}");
    }
}

#[test]
fn what_the_image_is_built_with_is_pinned() {
    let instructions = instructions();
    let rust = of(&instructions, 0, "ARG")[0].strip_prefix("RUST_IMAGE=rust:").unwrap();
    let cargo: toml::Table = toml::from_str(&fs::read_to_string(root().join("Cargo.toml")).unwrap()).unwrap();
    let package = cargo["package"].as_table().unwrap();
    assert!(rust.starts_with(&format!("{}-", package["rust-version"].as_str().unwrap())), "the oldest Rust that is promised: {rust}");
    assert_eq!(of(&instructions, 2, "ARG"), [format!("VERSION={}", package["version"].as_str().unwrap())]);
    let builds: Vec<&str> = of(&instructions, 1, "RUN").into_iter().filter(|run| run.contains("cargo")).collect();
    // Without a profile: the one that cargo tests with, so that the program below is what the image has.
    assert_eq!(builds, ["cargo build --locked --features spark --bin wattledger"]);
    assert!(of(&instructions, 1, "RUN").contains(&"./assemble target/debug/wattledger /root-of-image"));
    assert!(PROGRAM.ends_with("/debug/wattledger"), "{PROGRAM}");
}

#[test]
fn what_the_program_is_compiled_from_is_sent_and_copied() {
    let sent = fs::read_to_string(root().join("deploy/image/Dockerfile.dockerignore")).unwrap();
    let sent: Vec<&str> = sent.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let copied = copied();
    for source in &copied {
        assert!(root().join(source).exists(), "{source} is not there");
        assert!(sent.contains(&source.as_str()), "{source} is not sent to the builder");
    }
    assert_eq!(sent.len(), copied.len(), "what is sent is what is copied: {sent:?}");

    let compiled = compiled_from();
    assert!(compiled.len() > 300, "{}", compiled.len());
    for file in compiled {
        let file = file.strip_prefix(root()).unwrap_or(&file);
        assert!(copied.iter().any(|source| file.starts_with(source)), "{} is compiled in, and no COPY brings it", file.display());
    }
}

/// What our library was last compiled from: rustc writes it down beside what it makes.
fn compiled_from() -> Vec<PathBuf> {
    let lists = fs::read_dir(Path::new(PROGRAM).with_file_name("deps")).unwrap().map(|entry| entry.unwrap().path());
    let lists = lists.filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("wattledger-") && name.ends_with(".d")
    });
    let of_the_library = lists.filter_map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let (_, files) = text.lines().filter_map(|line| line.split_once(": ")).find(|(made, _)| made.ends_with(".rlib"))?;
        let files: Vec<PathBuf> = files.split_whitespace().map(PathBuf::from).collect();
        let is_library = files.contains(&PathBuf::from("src/lib.rs"));
        is_library.then(|| (fs::metadata(&path).unwrap().modified().unwrap(), files))
    });
    of_the_library.max_by_key(|(time, _)| *time).expect("the tests are linked to it").1
}

/// The root of the image, laid out in a folder by the Dockerfile's own script.
fn laid_out() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let script = root().join("deploy/image/assemble");
    let output = Command::new(script).arg(PROGRAM).arg(folder.path()).current_dir(root()).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn the_laid_out_root_has_no_shell_and_the_program_reports_in_it() {
    let image = laid_out();
    let names: Vec<String> =
        files_below(image.path()).iter().map(|path| path.strip_prefix(image.path()).unwrap().display().to_string()).collect();
    for name in &names {
        let is_expected = name.contains("/lib") || name.starts_with("lib");
        let is_expected = is_expected && name.contains(".so");
        let others = [
            "usr/local/bin/wattledger",
            "etc/ssl/certs/ca-certificates.crt",
            "etc/passwd",
            "etc/group",
            "etc/nsswitch.conf",
            "usr/share/doc/wattledger/LICENSE",
        ];
        assert!(is_expected || others.contains(&name.as_str()), "{name}");
    }
    assert!(names.iter().any(|name| name.contains("libc.so")), "{names:?}");

    if !is_root() {
        println!("SKIPPED: only root can enter another root; it was looked at from outside");
        return;
    }
    // Beside it, as volumes would be: the sample month, and a folder to write to.
    let inside = |name: &str| image.path().join(name);
    assert!(Command::new("cp").arg("-r").arg(root().join("sample-data")).arg(inside("sample")).status().unwrap().success());
    fs::create_dir(inside("out")).unwrap();
    fs::set_permissions(inside("out"), fs::Permissions::from_mode(0o777)).unwrap();
    let enter = |arguments: &[&str]| {
        let mut command = Command::new("chroot");
        command.arg("--userspec=65532:65532").arg(image.path()).arg("/usr/local/bin/wattledger").args(arguments);
        // No time zone, no locale, no home: what a container has.
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(enter(&["--version"]).starts_with("wattledger "));
    let report = ["report", "--config", "/sample/wattledger.toml", "--month", "2026-10", "--format", "json", "--out"];
    enter(&[&report[..], &["/out"]].concat());

    let outside = tempfile::tempdir().unwrap();
    crate::sample::wattledger_ok(
        &["report", "--month", "2026-10", "--format", "json", "--out", outside.path().to_str().unwrap()],
        &root().join("sample-data/wattledger.toml"),
    );
    let bytes = |path: PathBuf| fs::read(path).unwrap();
    assert!(bytes(inside("out/report.json")) == bytes(outside.path().join("report.json")), "the same bytes inside and outside");
}

fn is_root() -> bool {
    // SAFETY: it takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}
