//! `zhanggui staff` and `zhanggui key`: who may act for the shop, people and programs.

use super::At;
use super::output::{Output, Shown, table};
use crate::trouble::Trouble;
use clap::{Args, Subcommand};
use commerce_core::caller::Caller;
use commerce_core::permission::{Grants, Permission};
use commerce_core::staff::{ApiKey, Member, StaffRole};
use commerce_core::{IssuedKey, NewMember, Shop};
use rand::RngExt;
use serde_json::{Value, json};
use std::fmt::Display;
use std::str::FromStr;
use strum::IntoEnumIterator;

#[derive(Subcommand)]
pub(crate) enum Staff {
    /// Who works or worked for the shop.
    List(Plain),
    /// Take somebody on; their first password is told this once.
    Hire(Hire),
    /// Give somebody another role.
    Role(Role),
    /// Somebody leaves, and is signed out everywhere.
    Dismiss(Of),
    /// A new password for somebody who forgot theirs or is locked out, told this once.
    ResetPassword(Of),
    /// Take the second factor from somebody who lost their phone.
    DropSecondFactor(Of),
}

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// All keys, newest first.
    List(Plain),
    /// Make a key for a program; its text is told this once.
    Issue(Issue),
    /// A new text for a key; the old one ends at once.
    Rotate(OfKey),
    /// End a key now.
    Revoke(OfKey),
}

#[derive(Args)]
pub(crate) struct Plain {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Hire {
    login: String,
    #[arg(long)]
    name: String,
    /// owner, manager, clerk, warehouse, finance, marketer or auditor.
    #[arg(long, value_parser = one_of::<StaffRole>)]
    role: StaffRole,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Role {
    login: String,
    /// owner, manager, clerk, warehouse, finance, marketer or auditor.
    #[arg(value_parser = one_of::<StaffRole>)]
    role: StaffRole,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Of {
    login: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Issue {
    name: String,
    /// What it may do, such as `orders:read,stock:write`.
    #[arg(long, required = true, value_delimiter = ',', value_parser = one_of::<Permission>)]
    may: Vec<Permission>,
    /// How long it is good for.
    #[arg(long, default_value_t = 365)]
    days: u32,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct OfKey {
    #[arg(value_name = "KEY_ID")]
    key: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

pub(crate) async fn staff(command: Staff) -> Result<(), Trouble> {
    match command {
        Staff::List(options) => {
            let (shop, tenant) = options.at.open().await?;
            options.output.show(&shop.members(&Caller::staff(tenant.id)).await?);
        }
        Staff::Hire(options) => {
            let (shop, tenant) = options.at.open().await?;
            let password = first_password();
            let new = NewMember { login: &options.login, name: &options.name, role: options.role, password: &password };
            let member = shop.hire(&Caller::staff(tenant.id), new).await?;
            options.output.show(&WithPassword { member, password });
        }
        Staff::Role(options) => {
            let (shop, caller, member) = find(&options.at, &options.login).await?;
            let changed = shop.change_role(&caller, member.id, options.role).await?;
            println!("{} is {} now, and has to sign in anew.", changed.login, changed.role);
        }
        Staff::Dismiss(options) => {
            let (shop, caller, member) = find(&options.at, &options.login).await?;
            options.output.show(&vec![shop.dismiss(&caller, member.id).await?]);
        }
        Staff::ResetPassword(options) => {
            let (shop, caller, member) = find(&options.at, &options.login).await?;
            let password = first_password();
            let member = shop.reset_password(&caller, member.id, &password).await?;
            options.output.show(&WithPassword { member, password });
        }
        Staff::DropSecondFactor(options) => {
            let (shop, caller, member) = find(&options.at, &options.login).await?;
            options.output.show(&vec![shop.drop_second_factor(&caller, member.id).await?]);
        }
    }
    Ok(())
}

pub(crate) async fn key(command: Keys) -> Result<(), Trouble> {
    match command {
        Keys::List(options) => {
            let (shop, tenant) = options.at.open().await?;
            options.output.show(&shop.keys(&Caller::staff(tenant.id)).await?);
        }
        Keys::Issue(options) => {
            let (shop, tenant) = options.at.open().await?;
            let grants: Grants = options.may.into_iter().collect();
            options.output.show(&shop.issue_key(&Caller::staff(tenant.id), &options.name, grants, options.days).await?);
        }
        Keys::Rotate(options) => {
            let (shop, tenant) = options.at.open().await?;
            options.output.show(&shop.rotate_key(&Caller::staff(tenant.id), options.key.parse()?).await?);
        }
        Keys::Revoke(options) => {
            let (shop, tenant) = options.at.open().await?;
            shop.revoke_key(&Caller::staff(tenant.id), options.key.parse()?).await?;
            options.output.show(&shop.keys(&Caller::staff(tenant.id)).await?);
        }
    }
    Ok(())
}

/// One of a list of words, which is told to whoever uses another.
fn one_of<T: FromStr + IntoEnumIterator + Display>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| {
        let words: Vec<String> = T::iter().map(|word| word.to_string()).collect();
        format!("choose from {}", words.join(", "))
    })
}

async fn find(at: &At, login: &str) -> Result<(Shop, Caller, Member), Trouble> {
    let (shop, tenant) = at.open().await?;
    let caller = Caller::staff(tenant.id);
    let found = shop.members(&caller).await?.into_iter().find(|member| member.login == login);
    let member = found.ok_or_else(|| {
        Trouble::say(format!("nobody of the shop signs in as {login:?}; `zhanggui staff list` shows who does"))
    })?;
    Ok((shop, caller, member))
}

/// One that nobody guesses, of letters that nobody mistakes for one another.
fn first_password() -> String {
    const LETTERS: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";
    let mut random = rand::rng();
    (0..16).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect()
}

struct WithPassword {
    member: Member,
    password: String,
}

impl Shown for WithPassword {
    fn as_json(&self) -> Value {
        let mut member = member_json(&self.member);
        member["password"] = json!(self.password);
        member
    }

    fn as_text(&self) -> String {
        let Self { member, password } = self;
        format!(
            "{} ({}) signs in with the password {password}\nThe shop keeps no copy of it.",
            member.login, member.role
        )
    }
}

fn member_json(member: &Member) -> Value {
    json!({
        "id": member.id, "login": member.login, "name": member.name, "role": member.role.to_string(),
        "state": member.state.to_string(), "has_second_factor": member.has_second_factor, "created_at": member.created_at,
    })
}

impl Shown for Vec<Member> {
    fn as_json(&self) -> Value {
        self.iter().map(member_json).collect()
    }

    fn as_text(&self) -> String {
        let row = |member: &Member| {
            let factor = if member.has_second_factor { "yes" } else { "no" };
            let (role, state) = (member.role.to_string(), member.state.to_string());
            [member.login.clone(), member.name.clone(), role, state, factor.to_owned()]
        };
        table(["login", "name", "role", "state", "second factor"], &self.iter().map(row).collect::<Vec<_>>())
    }
}

fn key_json(key: &ApiKey) -> Value {
    let may: Vec<String> = key.grants.iter().map(|permission| permission.to_string()).collect();
    json!({
        "id": key.id, "name": key.name, "tail": key.tail, "may": may, "made_by": key.made_by, "created_at": key.created_at,
        "expires_at": key.expires_at, "revoked_at": key.revoked_at,
    })
}

impl Shown for IssuedKey {
    fn as_json(&self) -> Value {
        let mut key = key_json(&self.key);
        key["text"] = json!(self.text.reveal());
        key
    }

    fn as_text(&self) -> String {
        format!("{}\n{} until {}. The shop keeps no copy of it.", self.text.reveal(), self.key.id, self.key.expires_at)
    }
}

impl Shown for Vec<ApiKey> {
    fn as_json(&self) -> Value {
        self.iter().map(key_json).collect()
    }

    fn as_text(&self) -> String {
        let row = |key: &ApiKey| {
            let may: Vec<String> = key.grants.iter().map(|permission| permission.to_string()).collect();
            let ends = match key.revoked_at {
                Some(at) => format!("revoked {at}"),
                None => key.expires_at.to_string(),
            };
            [key.id.to_string(), key.name.clone(), format!("…{}", key.tail), may.join(" "), ends]
        };
        table(["id", "name", "ends in", "may", "until"], &self.iter().map(row).collect::<Vec<_>>())
    }
}
