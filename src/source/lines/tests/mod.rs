mod rotation;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::SystemTime;

use super::split::Line;
use super::tail::{Found, Span, Tail};
use crate::position::Position;

const MOST: usize = 1000;

/// A log, its writer and its reader.
struct Log {
    folder: tempfile::TempDir,
    path: PathBuf,
    tail: Tail,
    last: Option<Position>,
    lines: Vec<Line>,
    gaps: Vec<String>,
}

impl Log {
    fn offset(&self) -> u64 {
        let Position { end, .. } = self.last.unwrap();
        end.offset
    }

    fn new() -> Log {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.log");
        Log {
            tail: Tail::new(path.clone(), MOST, None),
            folder,
            path,
            last: None,
            lines: Vec::new(),
            gaps: Vec::new(),
        }
    }

    fn with(bytes: &str) -> (Log, File) {
        let log = Log::new();
        let writer = log.writer();
        write(&writer, bytes);
        (log, writer)
    }

    fn writer(&self) -> File {
        let mut options = OpenOptions::new();
        options.create(true).append(true).open(&self.path).unwrap()
    }

    fn rename(&self, to: &str) {
        fs::rename(&self.path, self.folder.path().join(to)).unwrap();
    }

    /// What another process would go on with.
    fn restart(&mut self) {
        let position = self
            .last
            .map(|position| position.to_string().parse().unwrap());
        assert_eq!(position, self.last);
        self.tail = Tail::new(self.path.clone(), MOST, position);
    }

    /// What was told to be missing since this was asked last.
    fn gaps(&mut self) -> Vec<String> {
        std::mem::take(&mut self.gaps)
    }

    fn step(&mut self) -> std::io::Result<Found> {
        let found = self.tail.read(|line, span| {
            self.lines.push(line);
            self.last = Some(span.end);
        });
        self.gaps.extend(self.tail.gaps(None));
        found
    }

    fn drain(&mut self) -> Found {
        loop {
            match self.step().unwrap() {
                Found::More => {}
                found => return found,
            }
        }
    }

    /// The lines that are new, each with a `|` after it.
    fn new_lines(&mut self) -> String {
        self.drain();
        let lines = std::mem::take(&mut self.lines).into_iter();
        let text = lines.map(|line| match line {
            Line::Whole(line) => String::from_utf8(line).unwrap() + "|",
            Line::TooLong(bytes) => format!("{bytes} bytes|"),
        });
        text.collect()
    }
}

fn write(mut writer: &File, bytes: impl AsRef<[u8]>) {
    writer.write_all(bytes.as_ref()).unwrap();
}

#[test]
fn a_file_that_appears_later_grows_in_pieces() {
    let mut log = Log::new();
    assert_eq!(log.step().unwrap(), Found::Missing);
    let writer = log.writer();
    assert_eq!(log.step().unwrap(), Found::Nothing);
    let text = "große Öfen\nund …\n";
    for byte in text.bytes() {
        write(&writer, [byte]);
        log.drain();
    }
    assert_eq!(log.offset(), text.len() as u64);
    assert_eq!(log.new_lines(), "große Öfen|und …|");
    write(&writer, "the end");
    assert_eq!(log.new_lines(), "");
    assert_eq!(log.tail.rest(), Some(Line::Whole(b"the end".to_vec())));
    assert_eq!(log.tail.rest(), None);
}

#[test]
fn a_restart_goes_on_at_the_line_after() {
    let (mut log, writer) = Log::with("one\ntwo\nthr");
    assert_eq!(log.new_lines(), "one|two|");
    log.restart();
    write(&writer, "ee\n");
    assert_eq!(log.new_lines(), "three|");
    log.restart();
    assert_eq!(log.new_lines(), "");
}

#[test]
fn a_restart_reads_what_was_not_whole_again_and_tells_what_is_new() {
    let (mut log, writer) = Log::with("one\ntwo\nthree\n");
    let mut ends = Vec::new();
    log.tail.read(|_, span| ends.push(span.end)).unwrap();
    let from = ends[2].starting_at(&ends[0]).unwrap();
    assert_eq!(ends[0].starting_at(&ends[2]), None);
    let restart = || {
        let from = Some(from.to_string().parse().unwrap());
        let mut tail = Tail::new(log.path.clone(), MOST, from);
        let mut lines = Vec::new();
        let each = |line, span: Span| lines.push((line, span.is_new));
        tail.read(each).unwrap();
        lines
    };
    let line = |text: &str, is_new| (Line::Whole(text.into()), is_new);
    assert_eq!(restart(), [line("two", false), line("three", false)]);
    write(&writer, "four\n");
    let expected = [line("two", false), line("three", false), line("four", true)];
    assert_eq!(restart(), expected);
    writer.set_len(0).unwrap();
    write(&writer, "new\n");
    assert_eq!(restart(), [line("new", true)]);
}

#[test]
fn a_renamed_file_is_read_to_its_end() {
    for restarts in [false, true] {
        let (mut log, old) = Log::with("one\n");
        assert_eq!(log.new_lines(), "one|");
        log.rename("file.log.1");
        let restart = |log: &mut Log| {
            if restarts {
                log.restart();
            }
        };
        restart(&mut log);
        write(&old, "two\n");
        assert_eq!(log.new_lines(), "two|", "before there is a new one");
        let new = log.writer();
        write(&old, "three\nfo");
        restart(&mut log);
        assert_eq!(log.new_lines(), "three|", "while the new one is empty");
        write(&old, "ur\nunfinished");
        write(&new, "five\n");
        restart(&mut log);
        assert_eq!(log.new_lines(), "four|unfinished|five|");
        write(&new, "six\n");
        restart(&mut log);
        assert_eq!(log.new_lines(), "six|");
    }
}

#[test]
fn a_new_file_that_was_seen_is_read_even_if_it_is_rotated_soon() {
    let (mut log, _) = Log::with("one\n");
    assert_eq!(log.new_lines(), "one|");
    log.rename("file.log-1");
    let second = log.writer();
    assert_eq!(log.new_lines(), "");
    write(&second, "two\n");
    log.rename("file.log-2");
    write(&log.writer(), "three\n");
    assert_eq!(log.new_lines(), "two|three|");
}

#[test]
fn a_deleted_file_is_read_to_its_end_and_its_position_is_not_another_files() {
    let (mut log, old) = Log::with("one\n");
    assert_eq!(log.new_lines(), "one|");
    fs::remove_file(&log.path).unwrap();
    write(&old, "two\n");
    assert_eq!(log.new_lines(), "two|");
    assert_eq!(log.step().unwrap(), Found::Nothing);
    write(&log.writer(), "three\n");
    assert_eq!(log.new_lines(), "three|");
    // Deleted while nobody has it open, so that its inode may be used again.
    log.tail = Tail::new(PathBuf::new(), MOST, None);
    fs::remove_file(&log.path).unwrap();
    log.restart();
    assert_eq!(log.step().unwrap(), Found::Missing);
    write(&log.writer(), "other\nlines\n");
    assert_eq!(log.new_lines(), "other|lines|");
}

#[test]
fn a_truncated_file_is_read_from_its_beginning() {
    for restarts in [false, true] {
        for new in ["new\n", "and so on\n", "longer than before\nby far\n"] {
            let (mut log, writer) = Log::with("one\ntwo\nxx");
            assert_eq!(log.new_lines(), "one|two|");
            fs::copy(&log.path, log.folder.path().join("file.log.1")).unwrap();
            writer.set_len(0).unwrap();
            if restarts {
                log.restart();
            }
            write(&writer, new);
            // Else it may be the same as before, as the clock of a file system is coarse.
            writer.set_modified(SystemTime::UNIX_EPOCH).unwrap();
            // What was read in part is read on in the copy.
            assert_eq!(log.new_lines(), format!("xx|{}", new.replace('\n', "|")));
            assert_eq!(log.gaps(), [""; 0]);
            writer.set_len(0).unwrap();
            assert_eq!(log.new_lines(), "");
            let gaps = log.gaps();
            assert!(
                gaps.len() == 1 && gaps[0].starts_with("it was truncated"),
                "{gaps:?}"
            );
            write(&writer, "last\n");
            assert_eq!(log.new_lines(), "last|");
        }
    }
}

#[test]
fn a_line_over_the_bound_is_told_with_its_size() {
    let long = "x".repeat(600_000);
    let (mut log, writer) = Log::with(&format!("one\n{long}"));
    assert_eq!(log.new_lines(), "one|");
    write(&writer, format!("{long}\ntwo\n"));
    assert_eq!(log.step().unwrap(), Found::More);
    assert_eq!(log.new_lines(), "1200000 bytes|two|");
    log.restart();
    assert_eq!(log.new_lines(), "");
}

#[test]
fn what_is_no_file_is_an_error_for_now() {
    let mut log = Log::new();
    fs::create_dir(&log.path).unwrap();
    let kind = log.step().unwrap_err().kind();
    assert_eq!(kind, std::io::ErrorKind::IsADirectory);
    fs::remove_dir(&log.path).unwrap();
    let writer = log.writer();
    write(&writer, "one\n");
    assert_eq!(log.step().unwrap(), Found::More);
    log.rename("file.log.1");
    write(&writer, "two\n");
    let socket = std::os::unix::net::UnixListener::bind(&log.path).unwrap();
    assert_eq!(log.step().unwrap(), Found::More);
    let kind = log.step().unwrap_err().kind();
    assert_eq!(kind, std::io::ErrorKind::InvalidInput);
    drop(socket);
    fs::remove_file(&log.path).unwrap();
    write(&log.writer(), "three\n");
    assert_eq!(log.new_lines(), "one|two|three|");
}

#[test]
fn a_damaged_position_is_not_gone_to() {
    let (mut log, _) = Log::with("one\n");
    log.drain();
    let last = log.last.unwrap();
    for offset in [5, u64::MAX] {
        let mut damaged = last;
        let Position { end, .. } = &mut damaged;
        end.offset = offset;
        log.last = Some(damaged);
        log.restart();
        log.lines.clear();
        assert_eq!(log.new_lines(), "one|");
    }
}
