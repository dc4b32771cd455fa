//! `zhanggui demo`, running.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Making the shop takes its time on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Demo {
    program: Child,
    /// What it said when it was open.
    pub(crate) said: String,
}

impl Demo {
    /// On ports that are free.
    pub(crate) fn open(dir: &Path) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_zhanggui"))
            .args(["demo", "--port", "0", "--admin-port", "0", "--sandbox-port", "0", "--orders", "20", "--dir"])
            .arg(dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        let mut said = String::new();
        while !said.contains("Ctrl-C closes the shop.") {
            let line = told.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it did not open: {said}"));
            said.push_str(&line);
            said.push('\n');
        }
        Self { program, said }
    }

    /// The address that follows this word.
    pub(crate) fn address(&self, word: &str) -> String {
        let line = self.said.lines().find(|line| line.trim_start().starts_with(word)).unwrap();
        line.split_whitespace().nth(1).unwrap().trim_end_matches(',').to_owned()
    }

    /// The lines it offers to begin with.
    pub(crate) fn first_steps(&self) -> String {
        let (_, steps) = self.said.split_once("look again:\n").unwrap();
        steps.split_once("Ctrl-C").unwrap().0.to_owned()
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn close(mut self) -> bool {
        Command::new("kill").args(["-TERM", &self.program.id().to_string()]).status().unwrap();
        self.program.wait().unwrap().success()
    }

    pub(crate) fn kill(mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.program.kill());
        drop(self.program.wait());
    }
}
