//! A position in a file of its own.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::Position;
use crate::error::{Error, Result};

/// More than any position has, in bytes.
const LONGEST: u64 = 4096;

impl Position {
    /// Reads a position that was [saved](Position::save). None where there is no such file.
    ///
    /// # Errors
    ///
    /// [`Error::Position`] where the file cannot be read, or holds something else.
    pub fn load(path: impl AsRef<Path>) -> Result<Option<Position>> {
        let path = path.as_ref();
        let text = match read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(path, "read", error)),
            Ok(text) => text,
        };
        let position = text.trim_end().parse();
        position.map(Some).map_err(|_: Error| {
            let problem = "it holds no position that was saved";
            let remedy = "give another file, or delete it to begin anew";
            Error::position(path.display(), (problem, remedy), None)
        })
    }

    /// Writes the position to a file, in place of the one that was saved there before: whatever
    /// happens meanwhile, also a loss of power, one of the two is there.
    ///
    /// It takes as long as the disk takes, some milliseconds: a program that saves it once in a while
    /// gets a few alerts again after it was killed, and loses none.
    ///
    /// # Errors
    ///
    /// [`Error::Position`] where the file or its folder cannot be written to.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        write(path, &format!("{self}\n")).map_err(|error| failed(path, "written", error))
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    // A link stays one.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // A device must not be replaced by a file.
    if fs::metadata(&path).is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::other("not a regular file"));
    }
    let new = beside(&path)?;
    // One that is left was not renamed. A link there is not followed.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::create_new(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// The file that becomes it.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let mut name = name.to_owned();
    name.push(".new");
    Ok(path.with_file_name(name))
}

fn failed(path: &Path, what: &str, error: io::Error) -> Error {
    let problem = format!("it cannot be {what}: {error}");
    let remedy = "give a file in a folder that this user may write to";
    Error::position(path.display(), (problem, remedy), Some(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_saved_in_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("position");
        assert_eq!(Position::load(&path).unwrap(), None);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        // What was left by one that was killed.
        fs::write(folder.path().join("position.new"), "1:2").unwrap();
        for text in ["1:2:3:4:5:3:6", "1:2:3:4:5:3:6:7:8:9:10:11"] {
            let position: Position = text.parse().unwrap();
            for path in [&path, &link] {
                position.save(path).unwrap();
                assert_eq!(Position::load(path).unwrap(), Some(position));
            }
            assert!(link.is_symlink());
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        }
    }

    #[test]
    fn what_cannot_be_read_or_written_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("position");
        for text in ["", "{}", "1:2:3\n", &"1:".repeat(1 << 20)] {
            fs::write(&path, text).unwrap();
            let error = Position::load(&path).unwrap_err().to_string();
            assert!(
                error.contains("position") && error.ends_with("or delete it to begin anew"),
                "{error}"
            );
        }
        let position: Position = "1:2:3:4:5:3:6".parse().unwrap();
        let device = Path::new("/dev/null");
        for path in [folder.path(), &folder.path().join("none/position"), device] {
            let error = position.save(path).unwrap_err().to_string();
            assert!(error.contains("this user may write to"), "{error}");
        }
        assert!(!device.is_file());
        let error = Position::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("cannot be read"), "{error}");
    }
}
