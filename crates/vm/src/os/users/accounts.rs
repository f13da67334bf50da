//! [`Accounts`]: users and groups, by name and number.

use std::collections::BTreeMap;

/// How many users and how many groups are known; what is beyond is not.
const ENTRIES_MAX: usize = 4_096;

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: Vec<u8>,
    /// The number; 0 is root.
    pub uid: u32,
    /// The number of the first group.
    pub gid: u32,
    /// The name for people.
    pub about: Vec<u8>,
    /// Where a login begins.
    pub home: Vec<u8>,
    /// What a login runs.
    pub shell: Vec<u8>,
    /// `x` if `/etc/shadow` has the hash of the password, otherwise the hash.
    pub(super) password: Vec<u8>,
}

/// Users who have something in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The name.
    pub name: Vec<u8>,
    /// The number.
    pub gid: u32,
    /// The names of those who are in it besides those whose first group it is.
    pub members: Vec<Vec<u8>>,
}

/// The users and groups of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accounts {
    users: Vec<User>,
    groups: Vec<Group>,
    user_names: BTreeMap<Vec<u8>, usize>,
    uids: BTreeMap<u32, usize>,
    group_names: BTreeMap<Vec<u8>, usize>,
    gids: BTreeMap<u32, usize>,
}

impl Accounts {
    /// Reads `/etc/passwd` and `/etc/group`. Lines that are broken are skipped, and of lines with the same name the first
    /// counts.
    pub(super) fn parse(passwd: &[u8], group: &[u8]) -> Self {
        let mut accounts = Self::default();
        for user in lines(passwd).filter_map(|fields| user(&fields)).take(ENTRIES_MAX) {
            let index = accounts.users.len();
            if let std::collections::btree_map::Entry::Vacant(vacant) =
                accounts.user_names.entry(user.name.clone())
            {
                vacant.insert(index);
                accounts.uids.entry(user.uid).or_insert(index);
                accounts.users.push(user);
            }
        }
        for group in lines(group).filter_map(|fields| self::group(&fields)).take(ENTRIES_MAX) {
            let index = accounts.groups.len();
            accounts.group_names.entry(group.name.clone()).or_insert(index);
            accounts.gids.entry(group.gid).or_insert(index);
            accounts.groups.push(group);
        }
        accounts
    }

    /// All users, in the order of the file.
    #[must_use]
    pub fn users(&self) -> &[User] {
        &self.users
    }

    /// All groups, in the order of the file.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The user of this name.
    #[must_use]
    pub fn user(&self, name: &[u8]) -> Option<&User> {
        self.user_names.get(name).map(|index| &self.users[*index])
    }

    /// The first user with this number.
    #[must_use]
    pub fn user_of(&self, uid: u32) -> Option<&User> {
        self.uids.get(&uid).map(|index| &self.users[*index])
    }

    /// The group of this name.
    #[must_use]
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.group_names.get(name).map(|index| &self.groups[*index])
    }

    /// The first group with this number.
    #[must_use]
    pub fn group_of(&self, gid: u32) -> Option<&Group> {
        self.gids.get(&gid).map(|index| &self.groups[*index])
    }

    /// What is shown as the owner: the name of a user, or the number if nobody has it.
    #[must_use]
    pub fn user_name(&self, uid: u32) -> Vec<u8> {
        self.user_of(uid).map_or_else(|| uid.to_string().into_bytes(), |user| user.name.clone())
    }

    /// What is shown as the group: the name of a group, or the number if none has it.
    #[must_use]
    pub fn group_name(&self, gid: u32) -> Vec<u8> {
        self.group_of(gid).map_or_else(|| gid.to_string().into_bytes(), |group| group.name.clone())
    }

    /// The numbers of the groups that a user is in besides the first, in ascending order.
    #[must_use]
    pub fn groups_of(&self, user: &User) -> Vec<u32> {
        let has = |group: &&Group| group.gid != user.gid && group.members.contains(&user.name);
        let mut groups: Vec<u32> = self.groups.iter().filter(has).map(|group| group.gid).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#"));
    lines.map(|line| line.split(|byte| *byte == b':').collect())
}

fn user(fields: &[&[u8]]) -> Option<User> {
    let [name, password, uid, gid, about, home, rest @ ..] = fields else {
        return None;
    };
    let shell = rest.first().copied().unwrap_or_default();
    Some(User {
        name: self::name(name)?,
        uid: number(uid)?,
        gid: number(gid)?,
        about: about.to_vec(),
        home: if home.starts_with(b"/") { home.to_vec() } else { b"/".to_vec() },
        shell: if shell.starts_with(b"/") { shell.to_vec() } else { b"/bin/sh".to_vec() },
        password: password.to_vec(),
    })
}

fn group(fields: &[&[u8]]) -> Option<Group> {
    let [name, _, gid, rest @ ..] = fields else {
        return None;
    };
    let members = rest.first().copied().unwrap_or_default().split(|byte| *byte == b',');
    let members = members.filter(|member| !member.is_empty()).map(<[u8]>::to_vec).collect();
    Some(Group { name: self::name(name)?, gid: number(gid)?, members })
}

/// A name that can be a user's or group's.
fn name(bytes: &[u8]) -> Option<Vec<u8>> {
    let fits = !bytes.is_empty() && bytes.len() <= 255;
    let is_plain = bytes.iter().all(|byte| !matches!(byte, 0..=b' ' | b'/' | b',' | 0x7f));
    (fits && is_plain).then(|| bytes.to_vec())
}

/// A number that can be a user's or group's; the last one means nobody at all.
fn number(bytes: &[u8]) -> Option<u32> {
    let is_plain = bytes.iter().all(u8::is_ascii_digit);
    let number: u32 = std::str::from_utf8(bytes).ok().filter(|_| is_plain)?.parse().ok()?;
    (number != u32::MAX).then_some(number)
}
