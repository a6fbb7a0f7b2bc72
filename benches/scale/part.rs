//! A process that takes part, and answers each line with a line.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub struct Part {
    process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Part {
    /// Starts this program as a part.
    pub fn start(arguments: &[&str]) -> Part {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Part {
            commands: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn send(&mut self, command: &str) {
        writeln!(self.commands, "{command}").unwrap();
    }

    /// The numbers of the next answer.
    pub fn answer(&mut self) -> Vec<f64> {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "a part has ended");
        let numbers = line.split_whitespace();
        numbers.map(|number| number.parse().unwrap()).collect()
    }

    pub fn ask(&mut self, command: &str) -> Vec<f64> {
        self.send(command);
        self.answer()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Says that something is done, with numbers.
pub fn say(numbers: &[f64]) {
    let numbers: Vec<_> = numbers.iter().map(f64::to_string).collect();
    println!("{}", numbers.join(" "));
    io::stdout().flush().unwrap();
}

/// The words of each command, until the coordinator has gone.
pub fn commands() -> impl Iterator<Item = Vec<String>> {
    let lines = io::stdin().lines().map_while(Result::ok);
    lines.map(|line| line.split(' ').map(str::to_owned).collect())
}
