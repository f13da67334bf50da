//! [`Image`]: what machines begin with.

mod base;
mod import;

use std::path::Path;
use std::sync::Arc;

use ironloom_blob::tree::{Attributes, TreeError};
use ironloom_blob::{BlobId, BlobStore, Durability, MemoryStore, Tree};
use ironloom_core::Instant;

pub use import::{Import, ImportError, Modes, Owners, Times};

/// What machines begin with: a tree of files, which they share until they change it.
#[derive(Debug, Clone)]
pub struct Image {
    tree: Arc<Tree>,
}

impl Image {
    /// An image of a tree as it is.
    #[must_use]
    pub fn new(tree: Tree) -> Self {
        Self { tree: Arc::new(tree) }
    }

    /// The base image, in a store of its own in memory: the directories and programs of a small Unix.
    ///
    /// # Panics
    ///
    /// If the program has no memory for it.
    #[must_use]
    pub fn base() -> Self {
        Self::base_in(Arc::new(MemoryStore::new())).expect("a store in memory takes a small tree")
    }

    /// The base image in a store.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn base_in(store: Arc<dyn BlobStore>) -> Result<Self, TreeError> {
        Ok(Self::new(base::tree(store)?))
    }

    /// A directory of the host, in a store of its own in memory. The same content gives the same [id](Self::id).
    ///
    /// Links are not followed. Nobody who is not trusted should be able to change the directory meanwhile: what changes is
    /// refused where that is seen.
    ///
    /// # Errors
    ///
    /// If something cannot be read, is neither file, directory nor link, changes meanwhile, or there is too much.
    ///
    /// # Examples
    ///
    /// ```
    /// use ironloom_vm::{Image, Import};
    ///
    /// # let directory = std::env::temp_dir().join(format!("ironloom-image-{}", std::process::id()));
    /// # std::fs::create_dir_all(directory.join("bin"))?;
    /// std::fs::write(directory.join("bin/hello"), "print('hello')")?;
    /// let image = Image::from_directory(&directory, &Import::default())?;
    /// assert_eq!(image.tree().read_all("/bin/hello")?, b"print('hello')");
    /// assert_eq!(image.id()?, Image::from_directory(&directory, &Import::default())?.id()?);
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_directory(path: impl AsRef<Path>, how: &Import) -> Result<Self, ImportError> {
        let tree = Tree::new(Arc::new(MemoryStore::new()), <_>::default());
        Self::new(tree).with_directory("/", path, how)
    }

    /// This image with what is in a directory of the host laid over it, below `at`: directories are merged, and what else
    /// has the same name is replaced.
    ///
    /// # Errors
    ///
    /// As [`from_directory`](Self::from_directory).
    pub fn with_directory(
        &self,
        at: &str,
        path: impl AsRef<Path>,
        how: &Import,
    ) -> Result<Self, ImportError> {
        let mut tree = self.tree.fork();
        let path = path.as_ref();
        make_directories(&mut tree, at).map_err(|source| ImportError::Tree { path: path.into(), source })?;
        import::import(&mut tree, at.as_bytes(), path, how)?;
        Ok(Self::new(tree))
    }

    /// What it is called: the name of its content, under which a store has it.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn id(&self) -> Result<BlobId, TreeError> {
        self.tree.fork().commit(Durability::Buffered)
    }

    /// The tree.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }
}

/// Makes the directories of a path, unless they are there.
fn make_directories(tree: &mut Tree, path: &str) -> Result<(), TreeError> {
    let mut made = String::new();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        made.push('/');
        made.push_str(name);
        if tree.lstat(made.as_str()).is_err() {
            tree.mkdir(made.as_str(), Attributes::new(0o755, Instant::ZERO))?;
        }
    }
    Ok(())
}
