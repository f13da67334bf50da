//! How processes and the host come to connections.

use std::{net::SocketAddr, path::Path, sync::Arc};

use ironloom_core::LimitExceeded;

use super::{OpenError, STREAM_BYTES, Stream};
use crate::{
    Context, Handle, HostError,
    context::Account,
    reactor::{ConnectError, Listener, Reactor, Socket},
};

impl Handle {
    /// What hears from the host's sockets. It is made when it is first needed.
    ///
    /// # Errors
    ///
    /// If time is virtual, or the host is out of descriptors.
    pub fn reactor(&self) -> Result<Arc<Reactor>, HostError> {
        self.home().engine.reactor()
    }

    /// Connects to a TCP listener; the connection is on nobody's account.
    ///
    /// # Errors
    ///
    /// If nobody listens there or the host refuses.
    pub async fn connect(&self, address: SocketAddr) -> Result<Stream, OpenError> {
        let socket = Socket::connect(&*self.reactor()?, address)?.await?;
        Ok(Stream::new(socket, STREAM_BYTES).map_err(ConnectError::Refused)?)
    }

    /// Connects to a Unix listener; the connection is on nobody's account.
    ///
    /// # Errors
    ///
    /// If nobody listens there or the host refuses.
    pub fn connect_unix(&self, path: &Path) -> Result<Stream, OpenError> {
        let socket = Socket::connect_unix(&*self.reactor()?, path)?;
        Ok(Stream::new(socket, STREAM_BYTES).map_err(ConnectError::Refused)?)
    }

    /// Listens on an address of TCP; port 0 is a free one.
    ///
    /// # Errors
    ///
    /// If the address is taken or not ours.
    pub fn listen(&self, address: SocketAddr) -> Result<Listener, OpenError> {
        Listener::bind(&*self.reactor()?, address).map_err(OpenError::Listen)
    }

    /// Listens on a path, which is left behind.
    ///
    /// # Errors
    ///
    /// If the path exists or cannot be made.
    pub fn listen_unix(&self, path: &Path) -> Result<Listener, OpenError> {
        Listener::bind_unix(&*self.reactor()?, path).map_err(OpenError::Listen)
    }
}

impl<M: Send + 'static> Context<M> {
    /// Connects to a TCP listener; the buffers are on this process's account.
    ///
    /// # Errors
    ///
    /// If nobody listens there, the host refuses, or the process may not have so much memory.
    pub async fn connect(&self, address: SocketAddr) -> Result<Stream, OpenError> {
        let account = self.stream_account()?;
        let socket = Socket::connect(&*self.kernel().reactor()?, address)?.await?;
        Ok(Stream::on_account(socket, STREAM_BYTES, account).map_err(ConnectError::Refused)?)
    }

    /// Connects to a Unix listener; the buffers are on this process's account.
    ///
    /// # Errors
    ///
    /// If nobody listens there, the host refuses, or the process may not have so much memory.
    pub fn connect_unix(&self, path: &Path) -> Result<Stream, OpenError> {
        let account = self.stream_account()?;
        let socket = Socket::connect_unix(&*self.kernel().reactor()?, path)?;
        Ok(Stream::on_account(socket, STREAM_BYTES, account).map_err(ConnectError::Refused)?)
    }

    fn stream_account(&self) -> Result<Account, LimitExceeded> {
        Account::open(self.any(), 2 * STREAM_BYTES as u64)
    }
}
