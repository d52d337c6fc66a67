//! Sets up TLS for all clients, and reads the certificates of further authorities.

use std::{fs, path::Path};

use rustls::{
    RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// Makes ring the TLS provider of this process. It has to come before the first client.
pub fn install_provider() {
    // An error means that the process already has a provider, which serves as well.
    let _ = ring::default_provider().install_default();
}

/// The content of a PEM file with valid certificates of authorities.
///
/// # Errors
/// The file cannot be read, has no certificate, or has one that belongs to no authority; the error
/// says which.
pub fn authorities(file: &Path) -> Result<Vec<u8>, String> {
    let told = |problem: &dyn std::fmt::Display| format!("`{}` {problem}", file.display());
    let pem = fs::read(file).map_err(|error| told(&format_args!("cannot be read: {error}")))?;
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| told(&format_args!("is no PEM: {error}")))?;
        store.add(certificate).map_err(|error| told(&format_args!("has a certificate that is of no use: {error}")))?;
    }
    if store.is_empty() { Err(told(&"has no certificate")) } else { Ok(pem) }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::authorities;

    #[test]
    fn a_file_of_no_use_is_told_with_its_name() {
        let directory = tempfile::tempdir().expect("there is room");
        let file = directory.path().join("ca.pem");
        let of = |content: &str| {
            fs::write(&file, content).expect("there is room");
            authorities(&file).expect_err("it is of no use")
        };
        let broken = "-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n";
        let other = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (content, problem) in [("", "has no"), ("text", "has no"), (broken, "is no PEM"), (other, "is of no use")] {
            let told = of(content);
            assert!(told.contains("ca.pem") && told.contains(problem), "{told}");
        }
        let missing = authorities(Path::new("/no/such/file")).expect_err("there is none");
        assert!(missing.contains("/no/such/file` cannot be read"), "{missing}");
    }
}
