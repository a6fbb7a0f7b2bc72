//! A file that is rotated while it is read, and while nobody reads it.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use flate2::read::GzEncoder;
use flate2::Compression;

use super::*;

/// Compresses as `gzip` does.
fn gzip(path: &Path) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = Vec::new();
    let mut encoder = GzEncoder::new(File::open(path).unwrap(), Compression::fast());
    encoder.read_to_end(&mut bytes).unwrap();
    let mut name = path.as_os_str().to_owned();
    name.push(".gz");
    fs::write(&name, bytes).unwrap();
    let file = File::options().append(true).open(&name).unwrap();
    file.set_modified(modified).unwrap();
    fs::remove_file(path).unwrap();
}

impl Log {
    fn named(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Numbers the rotated files anew, so that `file.log.1` is free, and keeps the last `keep`.
    fn shift(&self, keep: u32) {
        for number in (1..=keep).rev() {
            for end in ["", ".gz"] {
                let old = self.named(&format!("file.log.{number}{end}"));
                let new = self.named(&format!("file.log.{}{end}", number + 1));
                match old.exists() {
                    true if number == keep => fs::remove_file(old).unwrap(),
                    true => fs::rename(old, new).unwrap(),
                    false => {}
                }
            }
        }
    }

    fn rotate_to(&self, name: &str, line: &str) {
        self.rename(name);
        write(&self.writer(), line);
    }
}

#[test]
fn what_was_rotated_several_times_while_nobody_read_is_read_in_order() {
    type Names = [&'static str; 3];
    let names: [(Names, bool); 5] = [
        (["file.log.3", "file.log.2", "file.log.1"], false),
        (["file.log.3", "file.log.2", "file.log.1"], true),
        (
            [
                "file.log-20261123",
                "file.log-20261124",
                "file.log-20261125",
            ],
            true,
        ),
        (
            [
                "file-20261123.log",
                "file-20261124.log",
                "file-20261125.log",
            ],
            false,
        ),
        (["old/file.log.3", "old/file.log.2", "old/file.log.1"], true),
    ];
    for (names, compressed) in names {
        for restarts in [true, false] {
            let (mut log, writer) = Log::with("one\n");
            fs::create_dir(log.named("old")).unwrap();
            assert_eq!(log.new_lines(), "one|");
            let position = log.last;
            if restarts {
                log.tail = Tail::new(PathBuf::new(), MOST, None);
            }
            write(&writer, "two\n");
            for (name, line) in names.iter().zip(["three\n", "four\n", "five\n"]) {
                log.rotate_to(name, line);
            }
            let is_last = |name: &&&str| **name != names[2];
            for name in names.iter().filter(is_last).filter(|_| compressed) {
                gzip(&log.named(name));
            }
            if restarts {
                log.last = position;
                log.restart();
            }
            assert_eq!(log.new_lines(), "two|three|four|five|", "{names:?}");
            assert_eq!(log.gaps(), [""; 0]);
            // From any place on.
            log.restart();
            assert_eq!(log.new_lines(), "");
            assert_eq!(log.gaps(), [""; 0]);
        }
    }
}

#[test]
fn rotated_files_that_count_upwards_are_read_in_order_though_but_one_is_compressed() {
    let line = |minute: u32| format!(r#"{{"time":"2026-11-25T09:0{minute}:00Z","n":{minute}}}"#);
    let (mut log, _) = Log::with(&(line(1) + "\n"));
    assert_eq!(log.new_lines(), line(1) + "|");
    for number in 1..4 {
        log.rotate_to(&format!("file.log.{number}"), &(line(number + 1) + "\n"));
    }
    gzip(&log.named("file.log.1"));
    gzip(&log.named("file.log.2"));
    log.restart();
    let expected = [2, 3, 4].map(|minute| line(minute) + "|").concat();
    assert_eq!(log.new_lines(), expected);
    assert_eq!(log.gaps(), [""; 0]);
}

#[test]
fn a_position_in_a_compressed_file_is_found_again() {
    let (mut log, _) = Log::with("one\ntwo\nthree\n");
    let mut ends = Vec::new();
    log.tail.read(|_, span| ends.push(span.end)).unwrap();
    log.last = Some(ends[0]);
    log.rotate_to("file.log.1", "four\n");
    gzip(&log.named("file.log.1"));
    log.restart();
    let mut ends = Vec::new();
    while log.tail.read(|_, span| ends.push(span.end)).unwrap() == Found::More {}
    assert_eq!(ends.len(), 3);
    log.last = Some(ends[0]);
    log.shift(5);
    log.restart();
    assert_eq!(log.new_lines(), "three|four|");
    assert_eq!(log.gaps(), [""; 0]);
}

#[test]
fn what_was_copied_and_truncated_while_nobody_read_is_read_in_the_copies() {
    let (mut log, writer) = Log::with("one\n");
    assert_eq!(log.new_lines(), "one|");
    write(&writer, "two\n");
    fs::copy(&log.path, log.named("file.log.2")).unwrap();
    writer.set_len(0).unwrap();
    write(&writer, "three\n");
    fs::copy(&log.path, log.named("file.log.1")).unwrap();
    writer.set_len(0).unwrap();
    write(&writer, "four, and no less\n");
    gzip(&log.named("file.log.2"));
    log.restart();
    assert_eq!(log.new_lines(), "two|three|four, and no less|");
    assert_eq!(log.gaps(), [""; 0]);
}

#[test]
fn what_cannot_be_found_is_told_once() {
    // Deleted, and the others are newer.
    let (mut log, _) = Log::with("one\n");
    assert_eq!(log.new_lines(), "one|");
    log.rotate_to("file.log.2", "two\n");
    log.rotate_to("file.log.1", "three\n");
    fs::remove_file(log.named("file.log.2")).unwrap();
    log.restart();
    assert_eq!(log.new_lines(), "two|three|");
    let gaps = log.gaps();
    assert!(
        gaps.len() == 1 && gaps[0].contains("up to byte 4 is not found"),
        "{gaps:?}"
    );
    log.restart();
    assert_eq!(log.new_lines(), "");
    assert_eq!(log.gaps(), [""; 0]);
    // Compressed as this cannot read.
    log.rotate_to("file.log.1", "four\n");
    fs::write(log.named("file.log.1.zst"), "no text").unwrap();
    fs::remove_file(log.named("file.log.1")).unwrap();
    log.restart();
    assert_eq!(log.new_lines(), "four|");
    let gaps = log.gaps();
    assert!(
        gaps.len() == 1 && gaps[0].contains("file.log.1.zst cannot be read"),
        "{gaps:?}"
    );
    fs::remove_file(log.named("file.log.1.zst")).unwrap();
    // Damaged.
    log.rotate_to("file.log.2", "five\n");
    log.rotate_to("file.log.1", "six\n");
    gzip(&log.named("file.log.1"));
    let path = log.named("file.log.1.gz");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 12]).unwrap();
    log.restart();
    assert!(log.new_lines().ends_with("six|"));
    let gaps = log.gaps();
    assert!(
        gaps.len() == 1 && gaps[0].contains("file.log.1.gz cannot be read"),
        "{gaps:?}"
    );
}

#[test]
fn a_file_that_is_renamed_back_is_not_read_twice() {
    for restarts in [false, true] {
        let (mut log, first) = Log::with("one\n");
        assert_eq!(log.new_lines(), "one|");
        log.rotate_to("file.log.1", "two\n");
        assert_eq!(log.new_lines(), "two|");
        fs::rename(&log.path, log.named("second")).unwrap();
        fs::rename(log.named("file.log.1"), &log.path).unwrap();
        if restarts {
            log.restart();
        }
        assert_eq!(log.new_lines(), "");
        write(&first, "three\n");
        assert_eq!(log.new_lines(), "three|");
        assert_eq!(log.gaps(), [""; 0]);
    }
}

#[test]
fn logs_of_others_are_not_read() {
    let (mut log, _) = Log::with("one\n");
    assert_eq!(log.new_lines(), "one|");
    fs::create_dir(log.named("other")).unwrap();
    for name in [
        "other.log.1",
        "file.log.bak",
        "file2.log",
        "other/file.log.1",
    ] {
        fs::write(log.named(name), "not this\n").unwrap();
    }
    log.rotate_to("file.log.1", "two\n");
    assert_eq!(log.new_lines(), "two|");
    log.restart();
    assert_eq!(log.new_lines(), "");
}

#[test]
fn a_link_is_followed_to_the_log_of_another_day() {
    let mut log = Log::new();
    let (one, two) = (
        log.named("falco-2026-11-24.log"),
        log.named("falco-2026-11-25.log"),
    );
    let three = log.named("falco-2026-11-26.log");
    let link = |to: &Path| {
        let _ = fs::remove_file(log.folder.path().join("file.log"));
        std::os::unix::fs::symlink(to, log.folder.path().join("file.log")).unwrap();
    };
    fs::write(&one, "one\n").unwrap();
    link(&one);
    log.drain();
    fs::write(&one, "one\ntwo\n").unwrap();
    fs::write(&two, "three\n").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::write(&three, "four\n").unwrap();
    let link = |to: &Path| {
        fs::remove_file(log.folder.path().join("file.log")).unwrap();
        std::os::unix::fs::symlink(to, log.folder.path().join("file.log")).unwrap();
    };
    link(&three);
    log.restart();
    assert_eq!(log.new_lines(), "one|two|three|four|");
}

fn finish_line(text: &[u8], written: &mut usize, writer: &File) {
    let (before, unfinished) = text.split_at(*written);
    if !before.ends_with(b"\n") {
        let end = unfinished.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        write(writer, &unfinished[..end]);
        *written += end;
    }
}

#[test]
fn each_line_comes_once_through_rotations_and_restarts() {
    const LINES: usize = 100_000;
    const KEPT: u32 = 6;
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    };
    let (mut log, mut writer) = Log::with("");
    let (mut text, mut written, mut rotations) = (Vec::new(), 0, [0; 2]);
    // Not yet reopened by its writer after it was renamed.
    let mut renamed = false;
    // Of those since the last that was read.
    let mut unread = 0;
    let mut compressed = 0;
    let mut number = 0;
    while number < LINES || written < text.len() {
        while number < LINES && text.len() - written < 20_000 {
            let more = "é".repeat(random(60) as usize);
            text.extend_from_slice(format!("{number} {more}\n").as_bytes());
            number += 1;
        }
        let most = if random(4) == 0 { 9_000 } else { 90 };
        let size = 1 + random(most) as usize;
        let end = text.len().min(written + size);
        write(&writer, &text[written..end]);
        written = end;
        match random(12) {
            0 => log.restart(),
            1 if renamed => {
                finish_line(&text, &mut written, &writer);
                writer = log.writer();
                renamed = false;
            }
            2..4 => _ = log.step().unwrap(),
            4..7 => {
                let lines = log.lines.len();
                log.drain();
                // Else what came last is in a file before, or in what this one held before.
                let inode = fs::metadata(&log.path).ok().map(|metadata| metadata.ino());
                let last = log.last.map(|Position { end, .. }| end.inode);
                if log.lines.len() > lines && inode == last {
                    unread = 0;
                }
            }
            7 if !renamed && unread < KEPT - 2 => {
                let copies = random(2) == 0;
                if copies {
                    finish_line(&text, &mut written, &writer);
                }
                log.shift(KEPT);
                if copies {
                    fs::copy(&log.path, log.named("file.log.1")).unwrap();
                    writer.set_len(0).unwrap();
                    // A few bytes do not tell the old content from the new.
                    for _ in 0..8 {
                        let end = text.len().min(written + 1);
                        write(&writer, &text[written..end]);
                        written = end;
                        finish_line(&text, &mut written, &writer);
                    }
                } else {
                    log.rename("file.log.1");
                    renamed = true;
                }
                unread += 1;
                rotations[usize::from(copies)] += 1;
            }
            8 => {
                let path = log.named(&format!("file.log.{}", 2 + random(3)));
                if path.exists() {
                    gzip(&path);
                    compressed += 1;
                }
            }
            _ => {}
        }
        if written > 1 << 20 {
            text.drain(..written - 1);
            written = 1;
        }
    }
    log.drain();
    assert_eq!(log.gaps(), [""; 0]);
    assert!(compressed > 100, "{compressed}");
    assert!(rotations.iter().all(|&count| count > 100), "{rotations:?}");
    for (number, line) in log.lines.iter().enumerate() {
        let Line::Whole(line) = line else {
            panic!("{line:?}");
        };
        let line = std::str::from_utf8(line).unwrap();
        assert!(line.starts_with(&format!("{number} ")), "{number}: {line}");
    }
    assert_eq!(log.lines.len(), LINES);
}
