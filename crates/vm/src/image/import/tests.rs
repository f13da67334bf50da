//! Directories of all kinds, the hostile ones included.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use ironloom_blob::tree::Kind;

use super::{Import, ImportError, Modes, Owners, Times, content, entry};
use crate::Image;

/// A directory that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ironloom-import-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn import(&self) -> Result<Image, ImportError> {
        Image::from_directory(&self.0, &Import::default())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// All that is in an image, a line for each entry.
fn shown(image: &Image) -> Vec<String> {
    let walk = image.tree().walk("/").unwrap();
    let lines = walk.map(|walked| {
        let walked = walked.unwrap();
        let stat = walked.stat;
        format!(
            "{} {:?} {:o} {} {}",
            walked.path, stat.kind, stat.attributes.mode, stat.attributes.uid, stat.size
        )
    });
    lines.filter(|line| !line.starts_with("/ ")).collect()
}

#[test]
fn a_directory_becomes_an_image() {
    let folder = Folder::new();
    chmod(&folder.write("bin/tool", b"print 'x'"), 0o4751);
    chmod(&folder.write("etc/secret", b"abc"), 0o600);
    fs::create_dir(folder.0.join("empty")).unwrap();
    symlink("/etc/secret", folder.0.join("etc/link")).unwrap();
    let image = folder.import().unwrap();
    assert_eq!(image.tree().read_link("/etc/link").unwrap().to_string(), "/etc/secret");
    let lines = shown(&image).join("\n");
    for line in ["bin/tool File 755 0 9", "etc/secret File 644 0 3", "empty Directory 755 0"] {
        assert!(lines.contains(line), "{line} is not in\n{lines}");
    }
    let kept = Import { modes: Modes::Kept, owners: Owners::Kept, times: Times::Kept, ..Import::default() };
    let exact = Image::from_directory(&folder.0, &kept).unwrap();
    let stat = |path| exact.tree().lstat(path).unwrap().attributes;
    assert_eq!((stat("/bin/tool").mode, stat("/etc/secret").mode), (0o4751, 0o600));
    let found = entry::look(folder.0.join("etc")).unwrap();
    assert_eq!((stat("/etc").modified, stat("/etc").uid), (found.modified, found.owner.0));
}

#[test]
fn the_same_content_has_the_same_id() {
    let (one, other) = (Folder::new(), Folder::new());
    let large: Vec<u8> =
        (0..3_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for folder in [&one, &other] {
        folder.write("large", &large);
    }
    for number in 0..40 {
        one.write(&format!("d/{number}"), b"x");
        other.write(&format!("d/{}", 39 - number), b"x");
    }
    let old = fs::File::options().write(true).open(other.0.join("d/3")).unwrap();
    old.set_modified(std::time::UNIX_EPOCH).unwrap();
    let id = one.import().unwrap().id().unwrap();
    assert_eq!(id, other.import().unwrap().id().unwrap());
    let with_times = Import { times: Times::Kept, ..Import::default() };
    let timed = |folder: &Folder| Image::from_directory(&folder.0, &with_times).unwrap().id().unwrap();
    assert_ne!(timed(&one), timed(&other));
    assert_eq!(timed(&one), timed(&one));
    // Nor does it matter that it was read in pieces.
    let mut tree = one.import().unwrap().tree().fork();
    let attributes = tree.lstat("/large").unwrap().attributes;
    tree.remove("/large", attributes.modified).unwrap();
    tree.put("/large", &large, attributes).unwrap();
    assert_eq!(Image::new(tree).id().unwrap(), id);
    other.write("d/3", b"y");
    assert_ne!(other.import().unwrap().id().unwrap(), id);
}

#[test]
fn a_directory_is_laid_over_an_image() {
    let folder = Folder::new();
    folder.write("passwd", b"root:x:0:0::/root:/bin/sh\n");
    folder.write("tmp/file", b"t");
    symlink("nowhere", folder.0.join("group")).unwrap();
    let base = Image::base();
    let image = base.with_directory("/etc/", &folder.0, &Import::default()).unwrap();
    assert_eq!(image.tree().read_all("/etc/passwd").unwrap(), b"root:x:0:0::/root:/bin/sh\n");
    assert_eq!(image.tree().read_all("/etc/tmp/file").unwrap(), b"t");
    assert_eq!(image.tree().lstat("/etc/group").unwrap().kind, Kind::Symlink);
    assert!(image.tree().lstat("/etc/shadow").is_ok() && base.tree().lstat("/etc/tmp").is_err());
    let image = base.with_directory("/srv/www", &folder.0, &Import::default()).unwrap();
    assert_eq!(image.tree().read_all("/srv/www/tmp/file").unwrap(), b"t");
    // A link in the image leads nothing astray.
    let trap = Folder::new();
    trap.write("bin/sh", b"mine");
    let mut tree = base.tree().fork();
    tree.remove_all("/usr", ironloom_core::Instant::ZERO).unwrap();
    tree.symlink(b"/", "/usr", tree.lstat("/bin/cat").unwrap().attributes).unwrap();
    let over = Folder::new();
    fs::rename(&trap.0, over.0.join("usr")).unwrap();
    let image = Image::new(tree).with_directory("/", &over.0, &Import::default()).unwrap();
    assert_eq!(image.tree().read_all("/usr/bin/sh").unwrap(), b"mine");
    assert_ne!(image.tree().read_all("/bin/sh").unwrap(), b"mine");
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = Folder::new();
    let socket = UnixListener::bind(folder.0.join("socket")).unwrap();
    let error = folder.import().unwrap_err();
    assert!(matches!(&error, ImportError::Kind { kind: "socket", .. }), "{error}");
    drop(socket);
    let error = Image::from_directory("/dev/null", &Import::default()).unwrap_err();
    assert!(matches!(&error, ImportError::Kind { kind: "device", .. }), "{error}");
    let file = folder.write("file", b"x");
    let error = Image::from_directory(file, &Import::default()).unwrap_err();
    assert!(matches!(&error, ImportError::Kind { kind: "file", .. }), "{error}");
    let error = Image::from_directory(folder.0.join("none"), &Import::default()).unwrap_err();
    assert!(matches!(&error, ImportError::Read { .. }), "{error}");
}

#[test]
fn links_are_not_followed() {
    let folder = Folder::new();
    symlink("..", folder.0.join("up")).unwrap();
    symlink("loop", folder.0.join("loop")).unwrap();
    symlink(&folder.0, folder.0.join("self")).unwrap();
    assert_eq!(shown(&folder.import().unwrap()).len(), 3);
    // The directory itself is said by who is trusted, but a link is not a directory.
    let error = Image::from_directory(folder.0.join("self"), &Import::default()).unwrap_err();
    assert!(matches!(&error, ImportError::Kind { kind: "symbolic link", .. }), "{error}");
}

#[test]
fn limits_hold() {
    let folder = Folder::new();
    for number in 0..10 {
        folder.write(&format!("a/{number}"), &[0; 100]);
    }
    let import = |how: Import| Image::from_directory(&folder.0, &how);
    assert!(import(Import { entries_max: 11, bytes_max: 1_000, depth_max: 2, ..Import::default() }).is_ok());
    let error = import(Import { entries_max: 10, ..Import::default() }).unwrap_err();
    assert!(matches!(error, ImportError::TooMany { entries_max: 10 }), "{error}");
    let error = import(Import { bytes_max: 999, ..Import::default() }).unwrap_err();
    assert!(matches!(error, ImportError::TooLarge { bytes_max: 999 }), "{error}");
    let error = import(Import { depth_max: 1, ..Import::default() }).unwrap_err();
    assert!(matches!(error, ImportError::TooDeep { depth_max: 1, .. }), "{error}");
    let deep = Folder::new();
    fs::create_dir_all(deep.0.join("d/".repeat(300))).unwrap();
    let error = deep.import().unwrap_err();
    assert!(matches!(error, ImportError::TooDeep { .. }), "{error}");
    // What says that it is large costs nothing before it is read.
    let sparse = fs::File::create(folder.0.join("sparse")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    let error = folder.import().unwrap_err();
    assert!(matches!(error, ImportError::TooLarge { .. }), "{error}");
}

#[test]
fn what_cannot_be_read_is_said() {
    let folder = Folder::new();
    let path = folder.write("secret", b"x");
    chmod(&path, 0);
    // Root may read it all the same.
    match folder.import() {
        Ok(image) => assert_eq!(image.tree().read_all("/secret").unwrap(), b"x"),
        Err(error) => assert!(matches!(&error, ImportError::Read { path: at, .. } if *at == path), "{error}"),
    }
}

/// A file whose end is somewhere else than it was.
#[test]
fn what_changes_is_refused() {
    let folder = Folder::new();
    let path = folder.write("file", b"twelve bytes");
    let found = entry::look(path.clone()).unwrap();
    let read = |mut from: &[u8]| content::pieces(&mut from, &found, |_, _| Ok(()));
    assert!(read(b"twelve bytes").is_ok());
    for other in [&b"eleven byte"[..], b"thirteen byte", b"", &[0; 100_000]] {
        let error = read(other).unwrap_err();
        assert!(matches!(error, ImportError::Changed { .. }), "{error}");
    }
    let mut endless = std::io::repeat(0).take(u64::MAX);
    assert!(matches!(content::pieces(&mut endless, &found, |_, _| Ok(())), Err(ImportError::Changed { .. })));
    // It was another file when it was looked at.
    fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    let error = content::copy(&found, |_, _| Ok(())).unwrap_err();
    assert!(matches!(error, ImportError::Changed { .. }), "{error}");
}
