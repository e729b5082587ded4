//! `longrun completion` and `longrun man`.

use std::process::Command;

use super::cli;

#[test]
fn bash_completes() {
    let home = tempfile::tempdir().unwrap();
    let script = home.path().join("longrun.bash");
    std::fs::write(&script, cli(home.path(), "completion bash").stdout).unwrap();
    let complete = |words: &str| {
        let line = format!(
            ". {}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _longrun longrun \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let output = Command::new("bash").args(["-c", &line]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(complete("longrun operations w"), "wait watch");
    assert_eq!(complete("longrun operations list --page"), "--page-size");
    assert_eq!(complete("longrun operations list --output ya"), "yaml");
    assert_eq!(complete("longrun config sh"), "show");
}

#[test]
fn other_shells_have_a_script() {
    let home = tempfile::tempdir().unwrap();
    for (shell, first) in [
        ("zsh", "#compdef longrun"),
        ("fish", "# Print an optspec"),
        ("elvish", "\nuse builtin;"),
        ("powershell", "\nusing namespace"),
    ] {
        let ended = cli(home.path(), &format!("completion {shell}"));
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{shell}");
        assert!(ended.stdout.starts_with(first), "{shell}: {:.80}", ended.stdout);
        assert!(ended.stdout.contains("cancel"), "{shell}");
    }
}

#[test]
fn every_command_has_a_page() {
    let home = tempfile::tempdir().unwrap();
    let page = cli(home.path(), "man");
    assert_eq!((page.code, &*page.stderr), (Some(0), ""));
    assert!(page.stdout.contains(".TH longrun 1"), "{:.200}", page.stdout);

    let folder = home.path().join("share/man1");
    let written = cli(home.path(), &format!("man {}", folder.display()));
    assert_eq!((written.code, &*written.stdout, &*written.stderr), (Some(0), "", ""));
    for command in ["", "-serve", "-operations-wait", "-config-show"] {
        let text = std::fs::read_to_string(folder.join(format!("longrun{command}.1"))).unwrap();
        assert!(text.contains(&format!(".TH longrun{command} 1")), "{command}");
    }
    let wait = std::fs::read_to_string(folder.join("longrun-operations-wait.1")).unwrap();
    assert!(wait.contains("exit code 124"), "{wait}");
    let refused = cli(home.path(), "man /dev/null/pages");
    assert_eq!((refused.code, &*refused.stdout), (Some(1), ""));
}
