//! Starts mosquitto, a broker for MQTT, without files of its own.

use crate::process::{How, Server, as_user, directory, find, free_port, missing};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

impl Server {
    /// A mosquitto with these lines in its configuration, or `None` where it is not installed. It
    /// needs no password.
    ///
    /// # Panics
    ///
    /// When the disk is full.
    pub async fn mosquitto(settings: &str) -> Option<Self> {
        Self::mosquitto_with(&format!("allow_anonymous true\n{settings}"), None).await
    }

    /// A mosquitto that accepts this user only.
    ///
    /// # Panics
    ///
    /// When the disk is full, or its tool for passwords is missing.
    pub async fn mosquitto_for(user: &str, password: &str, settings: &str) -> Option<Self> {
        Self::mosquitto_with(&format!("allow_anonymous false\n{settings}"), Some((user, password))).await
    }

    async fn mosquitto_with(settings: &str, user: Option<(&str, &str)>) -> Option<Self> {
        let Some(program) = find("mosquitto") else {
            missing("mosquitto", "mosquitto");
            return None;
        };
        let (port, directory) = (free_port(), directory());
        let mut settings = format!("listener {port} 127.0.0.1\nlog_dest stderr\n{settings}\n");
        if let Some((user, password)) = user {
            let file = directory.path().join("passwords");
            let tool = find("mosquitto_passwd").expect("it comes with mosquitto");
            let made = Command::new(tool).arg("-c").arg("-b").arg(&file).args([user, password]).output();
            assert!(made.is_ok_and(|made| made.status.success()), "the password is written");
            fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("it is ours");
            settings = format!("{settings}password_file {}\n", file.display());
        }
        let file = directory.path().join("mosquitto.conf");
        fs::write(&file, settings).expect("there is room");
        let mut command = as_user(&program, "mosquitto", directory.path());
        command.arg("-c").arg(file);
        Some(Self::start(command, port, directory, How { end: "KILL", answers: mosquitto_answers }).await)
    }
}

/// Whether it answers a `CONNECT`, even with a refusal.
fn mosquitto_answers(port: u16) -> bool {
    let asked = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x0a\x00\x01p")?;
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    asked().is_ok_and(|answer| answer == [0x20])
}
