use rusqlite::Connection;

use super::*;

pub(super) fn open(folder: &TempDir, sinks: &[&str]) -> Result<Spool> {
    spool(disk(folder), 1 << 20, Overflow::Wait, sinks)
}

pub(super) fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("new/spool/spool.sqlite")
}

#[test]
fn a_spool_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder, &["a", "b"]).unwrap();
    spool.put(alerts(1..=4)).unwrap();
    spool.confirm(0, 3);
    spool.confirm(1, 1);
    drop(spool);
    // Another order, and one more.
    let spool = open(&folder, &["b", "new", "a"]).unwrap();
    let usage = Usage {
        stored: 0,
        dropped: 0,
        alerts: 3,
        bytes: 3 * COST,
        trouble: Trouble::default(),
        damage: DamageUsage::default(),
        sinks: sinks(&[(3, 0), (3, 0), (1, 0)]),
    };
    assert_eq!(spool.usage(), usage);
    assert_eq!(take(&spool, 0, 10), texts(2..=4));
    assert_eq!(spool.position("one"), Some(position(4)));
    drop(spool);
    // Nobody else holds the first ones back.
    let spool = forgetting(&folder, &["a"], &["b", "new", "other"]).unwrap();
    assert_eq!(spool.usage().alerts, 1);
    spool.confirm(0, 4);
    assert!(spool.wait_empty(Instant::now()));
    drop(spool);
    let spool = open(&folder, &["a", "late"]).unwrap();
    assert_eq!(spool.usage().sinks, sinks(&[(0, 0), (0, 0)]));
    spool.put(alerts(5..=5)).unwrap();
    assert_eq!(take(&spool, 1, 10), texts(5..=5));
}

fn forgetting(folder: &TempDir, named: &[&str], forget: &[&str]) -> Result<Spool> {
    let sinks = Sinks {
        named: &identities(named),
        forget: &identities(forget),
        of_address: |_| None,
    };
    Spool::open(disk(folder), 1 << 20, Overflow::Wait, &sinks)
}

#[test]
fn a_sink_for_which_alerts_wait_is_not_forgotten_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder, &["a", "b", "c"]).unwrap();
    spool.put(alerts(1..=4)).unwrap();
    spool.confirm(0, 3);
    spool.confirm(2, 4);
    drop(spool);
    for _ in 0..2 {
        let told = problem(open(&folder, &["c"]));
        assert!(told.contains("holds 1 alerts for a, 4 for b"), "{told}");
        assert!(told.ends_with("with --forget a --forget b"), "{told}");
        let told = problem(forgetting(&folder, &["c"], &["b"]));
        assert!(told.contains("holds 1 alerts for a, which is no"), "{told}");
    }
    // Nothing waits for the third.
    let spool = open(&folder, &["a", "b"]).unwrap();
    assert_eq!(spool.usage().sinks, sinks(&[(1, 0), (4, 0)]));
    drop(spool);
    let spool = forgetting(&folder, &["a"], &["b"]).unwrap();
    assert_eq!(take(&spool, 0, 10), texts(4..=4));
    assert_eq!(spool.usage().alerts, 1);
    drop(spool);
    // What waits for one that is forgotten goes to one that is new.
    let spool = forgetting(&folder, &["new"], &["a"]).unwrap();
    assert_eq!(take(&spool, 0, 10), texts(4..=4));
}

#[test]
fn a_sink_that_is_stored_in_another_spelling_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder, &["A", "./a", "b"]).unwrap();
    spool.put(alerts(1..=4)).unwrap();
    spool.confirm(0, 2);
    spool.confirm(1, 3);
    drop(spool);
    let reopen = || {
        let sinks = Sinks {
            named: &identities(&["b", "a"]),
            forget: &[],
            of_address: |stored| {
                let text = stored.trim_start_matches("./").to_ascii_lowercase();
                Some(SinkIdentity::new(text))
            },
        };
        Spool::open(disk(&folder), 1 << 20, Overflow::Wait, &sinks).unwrap()
    };
    for _ in 0..2 {
        assert_eq!(reopen().usage().sinks, sinks(&[(4, 0), (2, 0)]));
    }
}

#[test]
fn what_was_put_is_there_without_an_orderly_end() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder, &["a"]).unwrap();
    spool.put(alerts(1..=3)).unwrap();
    // As a kill leaves them: nothing is written that is not yet in the files.
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(file(&copy).parent().unwrap()).unwrap();
    for end in ["", "-wal"] {
        let path = |folder| format!("{}{end}", file(folder).display());
        std::fs::copy(path(&folder), path(&copy)).unwrap();
    }
    let spool = open(&copy, &["a"]).unwrap();
    assert_eq!(take(&spool, 0, 10), texts(1..=3));
}

#[test]
fn what_was_confirmed_is_there_without_another_put() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder, &["a"]).unwrap();
    spool.put(alerts(1..=3)).unwrap();
    take(&spool, 0, 2);
    spool.confirm(0, 2);
    until("it is written", || {
        let other = Connection::open(file(&folder)).unwrap();
        let left = "SELECT group_concat(number) FROM alerts";
        other.query_row(left, [], |row| row.get::<_, String>(0)) == Ok("3".to_owned())
    });
}

#[test]
fn what_was_put_is_synced_without_another_put() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder, &["a"]).unwrap();
    spool.put(alerts(1..=3)).unwrap();
    let alone = tempfile::tempdir().unwrap();
    let alone = alone.path().join("spool.sqlite");
    // The database has them without its log.
    until("nothing is synced", || {
        std::fs::copy(file(&folder), &alone).unwrap();
        let alone = Connection::open(&alone).unwrap();
        let count = alone.query_row("SELECT count(*) FROM alerts", [], |row| row.get(0));
        count.unwrap_or(0) == 3
    });
}

/// The process may end then without another word.
#[test]
fn what_is_left_at_the_end_is_synced_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder, &["a"]).unwrap();
    spool.put(alerts(1..=3)).unwrap();
    take(&spool, 0, 1);
    spool.confirm(0, 1);
    spool.release();
    let log = format!("{}-wal", file(&folder).display());
    assert_eq!(std::fs::metadata(log).unwrap().len(), 0);
    let alone = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(file(&alone).parent().unwrap()).unwrap();
    std::fs::copy(file(&folder), file(&alone)).unwrap();
    let spool = open(&alone, &["a"]).unwrap();
    assert_eq!(take(&spool, 0, 10), texts(2..=3));
}

#[test]
fn a_folder_is_for_one_relay() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(&folder, &["a"]).unwrap();
    let problem = problem(open(&folder, &["a"]));
    assert!(problem.contains("is in use by another relay"), "{problem}");
    drop(first);
    open(&folder, &["a"]).unwrap();
}

#[test]
fn a_database_of_something_else_is_refused_and_left_alone() {
    for (made, version) in [
        ("CREATE TABLE other (x)", 0),
        ("PRAGMA user_version = 7", 7),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(file(&folder).parent().unwrap()).unwrap();
        let other = Connection::open(file(&folder)).unwrap();
        other.execute_batch(made).unwrap();
        let told = problem(open(&folder, &["a"]));
        assert!(told.contains(&format!("is of version {version}")), "{told}");
        assert!(told.contains("this program reads version 2"), "{told}");
        assert!(file(&folder).exists());
    }
}

#[test]
fn a_folder_that_cannot_be_created_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("new"), "").unwrap();
    let told = problem(open(&folder, &["a"]));
    assert!(told.contains("cannot be created"), "{told}");
}

/// A trigger stands for a disk that fails.
#[test]
fn a_failing_disk_holds_up_the_source_until_it_works() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Arc::new(open(&folder, &["a"]).unwrap());
    let disk = Connection::open(file(&folder)).unwrap();
    let fail = "CREATE TRIGGER full BEFORE INSERT ON alerts
                BEGIN SELECT RAISE(ABORT, 'full'); END";
    disk.execute_batch(fail).unwrap();
    let end = put(&spool, alerts(1..=2));
    until("the put has not failed", || {
        !spool.lock().failures.seen.is_empty()
    });
    assert_eq!((spool.usage().alerts, spool.position("one")), (0, None));
    assert!(is_blocked(&end));
    disk.execute_batch("DROP TRIGGER full").unwrap();
    end.recv_timeout(LIMIT).unwrap().unwrap();
    assert_eq!(take(&spool, 0, 10), texts(1..=2));
    // Closing ends it, too.
    disk.execute_batch(fail).unwrap();
    let end = put(&spool, alerts(3..=3));
    spool.close_intake();
    assert!(end.recv_timeout(LIMIT).unwrap().is_err());
}

#[test]
fn a_confirmation_that_the_disk_refused_makes_room_later() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(disk(&folder), COST, Overflow::Wait, &["a"]).unwrap();
    let spool = Arc::new(spool);
    spool.put(alerts(1..=1)).unwrap();
    let disk = Connection::open(file(&folder)).unwrap();
    let fail = "CREATE TRIGGER full BEFORE DELETE ON alerts
                BEGIN SELECT RAISE(ABORT, 'full'); END";
    disk.execute_batch(fail).unwrap();
    let end = put(&spool, alerts(2..=2));
    spool.confirm(0, 1);
    assert_eq!(spool.usage().sinks, sinks(&[(0, 0)]));
    assert_eq!(spool.usage().alerts, 1);
    assert!(is_nothing(&spool, 0));
    disk.execute_batch("DROP TRIGGER full").unwrap();
    end.recv_timeout(LIMIT).unwrap().unwrap();
    assert_eq!(take(&spool, 0, 10), texts(2..=2));
}

/// A disk of its own, unmounted at the end.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// None where this process may not mount.
    fn mount() -> Option<SmallDisk> {
        let folder = tempfile::tempdir().unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=600k", "tmpfs"])
            .arg(folder.path())
            .output();
        match mount.is_ok_and(|mount| mount.status.success()) {
            true => Some(SmallDisk(folder)),
            false => {
                eprintln!("left out: this process may not mount a disk");
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let mut unmount = std::process::Command::new("umount");
        let _ = unmount.arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_disk_that_is_nearly_full_is_told_until_it_has_space() {
    let Some(small) = SmallDisk::mount() else {
        return;
    };
    let spool = Arc::new(open(&small.0, &["a"]).unwrap());
    spool.put(alerts(1..=1)).unwrap();
    assert_eq!(spool.usage().trouble, Trouble::default());
    let other = small.0.path().join("other");
    std::fs::write(&other, vec![0; 400 << 10]).unwrap();
    let end = put(&spool, alerts(2..=2));
    until("it is short", || spool.usage().trouble.disk_short);
    assert!(is_blocked(&end));
    std::fs::remove_file(&other).unwrap();
    end.recv_timeout(LIMIT).unwrap().unwrap();
    assert_eq!(spool.usage().trouble, Trouble::default());
    assert_eq!(take(&spool, 0, 10), texts(1..=2));
}

#[test]
fn space_is_given_back_once_the_alerts_are_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(disk(&folder), 1 << 30, Overflow::Wait, &["a"]).unwrap();
    let large = |number| {
        let mut alert = alert(number);
        alert.message.bytes.resize(100_000, b'x');
        alert
    };
    for first in (1..=400).step_by(20) {
        spool.put((first..first + 20).map(large).collect()).unwrap();
    }
    let size = |end: &str| {
        let path = format!("{}{end}", file(&folder).display());
        std::fs::metadata(path).unwrap().len()
    };
    until("it has grown", || size("") + size("-wal") > 40_000_000);
    spool.confirm(0, 400);
    until("it shrinks", || size("") + size("-wal") < 16 << 20);
    spool.put(alerts(401..=401)).unwrap();
    assert_eq!(take(&spool, 0, 10), texts(401..=401));
}

fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn its_files_are_for_its_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let place = file(&folder).parent().unwrap().to_owned();
    std::fs::create_dir_all(&place).unwrap();
    set_mode(&place, 0o755);
    let files = [
        "spool.sqlite",
        "spool.sqlite-wal",
        "spool.sqlite-shm",
        "lock",
    ];
    for _ in 0..2 {
        let spool = open(&folder, &["a"]).unwrap();
        spool.put(alerts(1..=1)).unwrap();
        for name in files {
            assert_eq!(mode(&place.join(name)), 0o600, "{name}");
        }
        drop(spool);
        // As an earlier version or a person has left them.
        for name in ["spool.sqlite", "lock"] {
            set_mode(&place.join(name), 0o644);
        }
    }
}

#[test]
fn a_folder_that_others_may_write_to_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let place = file(&folder).parent().unwrap().to_owned();
    std::fs::create_dir_all(&place).unwrap();
    for writable in [0o777, 0o775, 0o757] {
        set_mode(&place, writable);
        let told = problem(open(&folder, &["a"]));
        assert!(told.contains("may be written to by others"), "{told}");
        assert!(told.contains("chmod go-w"), "{told}");
        assert!(!file(&folder).exists());
    }
    set_mode(&place, 0o1777);
    open(&folder, &["a"]).unwrap();
}
