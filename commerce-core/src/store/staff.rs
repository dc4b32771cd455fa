use super::payment::read_clock;
use super::{Conn, Row, StoreError, Tx};
use crate::permission::{Grants, Permission};
use crate::staff::{ApiKey, ApiKeyId, Member, MemberId, MemberState, Proof, SecondFactor};
use crate::tenant::TenantId;
use crate::time::Timestamp;

/// One of the shop's people, with what proves it.
pub(crate) struct Person {
    pub(crate) member: Member,
    pub(crate) proof: Proof,
    pub(crate) version: i64,
}

impl Conn {
    pub(crate) async fn person(&mut self, tenant: TenantId, id: MemberId) -> Result<Option<Person>, StoreError> {
        let row = self.sql(include_str!("sql/staff/find.sql")).text(tenant).text(id).row().await?;
        row.as_ref().map(read).transpose()
    }

    pub(crate) async fn person_by_login(
        &mut self,
        tenant: TenantId,
        login: &str,
    ) -> Result<Option<Person>, StoreError> {
        let row = self.sql(include_str!("sql/staff/by_login.sql")).text(tenant).text(login).row().await?;
        row.as_ref().map(read).transpose()
    }

    pub(crate) async fn people(&mut self, tenant: TenantId) -> Result<Vec<Person>, StoreError> {
        let rows = self.sql(include_str!("sql/staff/all.sql")).text(tenant).rows().await?;
        rows.iter().map(read).collect()
    }

    /// Whoever is signed in with the token of this hash, and in which shop.
    pub(crate) async fn signed_in(
        &mut self,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<(TenantId, Person)>, StoreError> {
        let row = self.sql(include_str!("sql/staff/signed_in.sql")).text(hash).time(now).row().await?;
        row.map(|row| Ok((row.id("tenant")?, read(&row)?))).transpose()
    }

    pub(crate) async fn key_of_hash(
        &mut self,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<(TenantId, ApiKey)>, StoreError> {
        let row = self.sql(include_str!("sql/api_key/by_hash.sql")).text(hash).time(now).row().await?;
        row.map(|row| Ok((row.id("tenant")?, read_key(&row)?))).transpose()
    }

    pub(crate) async fn keys(&mut self, tenant: TenantId) -> Result<Vec<ApiKey>, StoreError> {
        let rows = self.sql(include_str!("sql/api_key/all.sql")).text(tenant).rows().await?;
        rows.iter().map(read_key).collect()
    }
}

impl Tx {
    /// `false` if somebody has this login already.
    pub(crate) async fn insert_person(&mut self, tenant: TenantId, person: &Person) -> Result<bool, StoreError> {
        let Person { member, proof, version } = person;
        let inserted = self
            .sql(include_str!("sql/staff/insert.sql"))
            .text(member.id)
            .text(tenant)
            .text(&member.login)
            .text(&member.name)
            .text(member.role)
            .text(member.state)
            .text(&proof.password)
            .int(*version)
            .time(member.created_at)
            .changes()
            .await?;
        Ok(inserted == 1)
    }

    /// Saves somebody as they were read and changed; whoever was slower looks again.
    pub(crate) async fn save_person(
        &mut self,
        tenant: TenantId,
        person: &Person,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Person { member, proof, version } = person;
        let saved = self
            .sql(include_str!("sql/staff/save.sql"))
            .text(tenant)
            .text(member.id)
            .int(*version)
            .text(&member.name)
            .text(member.role)
            .text(member.state)
            .text(&proof.password)
            .int(proof.factor.generation)
            .int(i64::from(proof.factor.is_confirmed))
            .int(proof.factor.last_step)
            .int(proof.failures)
            .time(proof.locked_until)
            .time(now)
            .changes()
            .await?;
        if saved == 1 { Ok(()) } else { Err(self.lost_a_race()) }
    }

    pub(crate) async fn insert_session(
        &mut self,
        tenant: TenantId,
        member: MemberId,
        hash: &str,
        (from, until): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        self.sql(include_str!("sql/session/insert.sql"))
            .text(hash)
            .text(tenant)
            .text(member)
            .time(from)
            .time(until)
            .run()
            .await
    }

    pub(crate) async fn end_session(&mut self, hash: &str) -> Result<(), StoreError> {
        self.sql(include_str!("sql/session/end.sql")).text(hash).run().await
    }

    /// Ends all sessions of somebody.
    pub(crate) async fn end_sessions_of(&mut self, tenant: TenantId, member: MemberId) -> Result<(), StoreError> {
        self.sql(include_str!("sql/session/end_all.sql")).text(tenant).text(member).run().await
    }

    /// Forgets the sessions that are over.
    pub(crate) async fn forget_sessions(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        self.sql(include_str!("sql/session/forget.sql")).time(now).changes().await
    }

    pub(crate) async fn insert_key(&mut self, tenant: TenantId, key: &ApiKey, hash: &str) -> Result<(), StoreError> {
        let permissions: Vec<String> = key.grants.iter().map(|permission| permission.to_string()).collect();
        self.sql(include_str!("sql/api_key/insert.sql"))
            .text(key.id)
            .text(tenant)
            .text(&key.name)
            .text(hash)
            .text(&key.tail)
            .json(&permissions)
            .text(&key.made_by)
            .time(key.created_at)
            .time(key.expires_at)
            .run()
            .await
    }

    /// `false` if there is no such key that is good.
    pub(crate) async fn revoke_key(
        &mut self,
        tenant: TenantId,
        id: ApiKeyId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let question = self.sql(include_str!("sql/api_key/revoke.sql")).text(tenant).text(id).time(now);
        Ok(question.changes().await? == 1)
    }
}

fn read(row: &Row) -> Result<Person, StoreError> {
    let factor = SecondFactor {
        generation: row.int("factor")?,
        is_confirmed: row.is("is_factor_confirmed")?,
        last_step: row.int("factor_step")?,
    };
    let member = Member {
        id: row.id("id")?,
        login: row.text("login")?,
        name: row.text("name")?,
        role: row.word("role")?,
        state: row.word::<MemberState>("state")?,
        has_second_factor: factor.is_confirmed,
        created_at: row.time("created_at")?,
    };
    let proof = Proof {
        password: row.text("password")?,
        factor,
        failures: row.count("failures")?,
        locked_until: row.time("locked_until")?,
    };
    Ok(Person { member, proof, version: row.int("version")? })
}

fn read_key(row: &Row) -> Result<ApiKey, StoreError> {
    let permissions: Vec<String> = row.json("permissions")?;
    // A permission that this version does not know is none.
    let grants: Grants = permissions.iter().filter_map(|word| word.parse::<Permission>().ok()).collect();
    Ok(ApiKey {
        id: row.id("id")?,
        name: row.text("name")?,
        tail: row.text("tail")?,
        grants,
        made_by: row.text("made_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        revoked_at: read_clock(row, "revoked_at")?,
    })
}
