//! Time stamps after RFC 3161: an authority outside says that a seal was there at a time.
//!
//! In: the bytes of a seal; an authority's address, or its reply; certificates that are trusted. Out: the reply as it came, or the time it says and whose word
//! that is. Rule: the reply must be about these bytes (SHA-256), signed by the certificate it names, whose chain was valid for time-stamping at the time said.
//! Assumes: the certificates that are trusted came another way than the reply. Does not: ask whether a certificate was revoked.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use chrono::{DateTime, NaiveDateTime, Utc};
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{ObjectIdentifier, OctetString, SetOfVec};
use der::{Any, Decode, Encode, Sequence, Tag, Tagged};
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use sha2::{Digest, Sha256, Sha384, Sha512};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, ring};
use x509_cert::Certificate;
use x509_cert::attr::{Attribute, Attributes};
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::model::Hint;

const ID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const ID_TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const ID_CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const ID_MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const ID_SUBJECT_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const ID_TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
/// The statuses of a reply that holds a stamp: granted, with or without changes.
const GRANTED: [u8; 2] = [0, 1];

/// How authorities sign: all of these hash with SHA-2.
const ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 8] = [
    ring::ECDSA_P256_SHA256,
    ring::ECDSA_P256_SHA384,
    ring::ECDSA_P384_SHA256,
    ring::ECDSA_P384_SHA384,
    ring::ED25519,
    ring::RSA_PKCS1_2048_8192_SHA256,
    ring::RSA_PKCS1_2048_8192_SHA384,
    ring::RSA_PKCS1_2048_8192_SHA512,
];

/// Certificates that are trusted to say the time, and those between them and a stamp's signer.
#[derive(Clone, Debug)]
pub struct Authorities {
    certificates: Vec<Certificate>,
}

/// What a stamp says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub at: DateTime<Utc>,
    /// The subject of the signer's certificate.
    pub authority: String,
}

#[derive(Sequence)]
struct TimeStampResp {
    status: PkiStatusInfo,
    #[asn1(optional = "true")]
    token: Option<ContentInfo>,
}

#[derive(Sequence)]
struct PkiStatusInfo {
    status: u8,
    #[asn1(optional = "true")]
    status_string: Option<Vec<String>>,
    #[asn1(optional = "true")]
    fail_info: Option<der::asn1::BitString>,
}

/// RFC 3161, section 2.4.1: what is asked. No policy is asked for.
#[derive(Sequence)]
struct TimeStampReq {
    version: u8,
    imprint: MessageImprint,
    nonce: u64,
    /// The reply brings the signer's certificate, so that it can be checked when the authority is gone.
    cert_req: bool,
}

/// What is signed, as far as it is looked at.
struct TstInfo {
    imprint: MessageImprint,
    at: DateTime<Utc>,
    nonce: Option<u64>,
}

#[derive(Sequence)]
struct MessageImprint {
    algorithm: AlgorithmIdentifierOwned,
    hash: OctetString,
}

/// Asks an authority for a stamp over a seal; `send` takes a request to it and brings its reply. The reply is checked as far as it can be without trusting
/// anybody before it is given back.
pub fn ask(url: &str, seal: &[u8], send: impl FnOnce(Vec<u8>) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
    let asked = || -> Result<Vec<u8>> {
        let mut nonce = [0; 8];
        let random = rustls::crypto::ring::default_provider().secure_random;
        random.fill(&mut nonce).map_err(|_| anyhow!("there is no randomness"))?;
        let nonce = u64::from_be_bytes(nonce);
        let reply = send(request(seal, nonce)?)?;
        let said = Signed::read(&reply, seal, &[])?;
        ensure!(said.nonce == Some(nonce), "the reply is to another question");
        Ok(reply)
    };
    asked().with_context(|| {
        Hint::new(format!("ask the time stamp authority {url}"), "nothing was sealed; try again, or take `timestamp_url` out of [seal]")
    })
}

fn request(seal: &[u8], nonce: u64) -> Result<Vec<u8>> {
    let hash = OctetString::new(Sha256::digest(seal).as_slice()).map_err(|error| anyhow!("{error}"))?;
    let imprint = MessageImprint { algorithm: AlgorithmIdentifierOwned { oid: SHA256, parameters: None }, hash };
    let request = TimeStampReq { version: 1, imprint, nonce, cert_req: true };
    request.to_der().map_err(|error| anyhow!("write the request: {error}"))
}

/// Checks a reply as far as it can be without trusting anybody: that it is about this seal, and signed by the certificate that it names.
pub fn read(reply: &[u8], seal: &[u8]) -> Result<Stamp> {
    Ok(Signed::read(reply, seal, &[])?.stamp)
}

/// Checks a reply wholly: also that its signer was certified by a trusted authority at the time that it says.
pub fn verify(reply: &[u8], seal: &[u8], authorities: &Authorities) -> Result<Stamp> {
    let signed = Signed::read(reply, seal, &authorities.certificates)?;
    let der = |certificate: &Certificate| certificate.to_der().map(CertificateDer::from).context("write a certificate");
    let signer = der(&signed.signer)?;
    // Whoever is named as trusted is an anchor only where it certified itself: a file may hold the certificates in between too.
    let (mut anchors, mut between) = (Vec::new(), Vec::new());
    for certificate in &authorities.certificates {
        let is_root = certificate.tbs_certificate.issuer == certificate.tbs_certificate.subject;
        if is_root { &mut anchors } else { &mut between }.push(der(certificate)?);
    }
    ensure!(!anchors.is_empty(), "none of the certificates that are trusted is a root");
    for certificate in signed.certificates.iter().filter(|certificate| **certificate != signed.signer) {
        between.push(der(certificate)?);
    }
    let anchors = anchors.iter().map(anchor_from_trusted_cert).collect::<Result<Vec<_>, _>>().context("a certificate that is trusted")?;
    let seconds = u64::try_from(signed.stamp.at.timestamp()).context("a time before 1970")?;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let usage = KeyUsage::required(ID_TIME_STAMPING.as_bytes());
    let end = EndEntityCert::try_from(&signer).context("the signer's certificate")?;
    end.verify_for_usage(&ALGORITHMS, &anchors, &between, at, usage, None, None)
        .with_context(|| format!("{} is not certified by an authority that is trusted", signed.stamp.authority))?;
    Ok(signed.stamp)
}

impl Authorities {
    /// Certificates in PEM: the root, and where the replies do not bring them those below it.
    pub fn parse(pem: &[u8]) -> Result<Self> {
        let certificates = Certificate::load_pem_chain(pem).map_err(|error| anyhow!("not certificates in PEM: {error}"))?;
        ensure!(!certificates.is_empty(), "there is no certificate in it");
        Ok(Self { certificates })
    }
}

/// A reply whose signature holds.
struct Signed {
    stamp: Stamp,
    nonce: Option<u64>,
    signer: Certificate,
    /// That came with the reply.
    certificates: Vec<Certificate>,
}

impl Signed {
    fn read(reply: &[u8], seal: &[u8], known: &[Certificate]) -> Result<Self> {
        let signed = signed_data(reply)?;
        let content = signed.encap_content_info.econtent.as_ref().context("the stamp says nothing")?;
        let info = TstInfo::from_der(content.value()).context("read what the stamp says")?;
        ensure!(info.imprint.algorithm.oid == SHA256, "the stamp is not over a SHA-256");
        ensure!(info.imprint.hash.as_bytes() == Sha256::digest(seal).as_slice(), "the stamp is over something else than this seal");
        let of_reply = signed.certificates.iter().flat_map(|set| set.0.iter());
        let certificates: Vec<Certificate> = of_reply
            .filter_map(|choice| if let CertificateChoices::Certificate(certificate) = choice { Some(certificate.clone()) } else { None })
            .collect();
        let [info_of_signer] = signed.signer_infos.0.as_slice() else { bail!("the stamp has not one signature") };
        let is_signer = |certificate: &&Certificate| is_named(certificate, &info_of_signer.sid);
        let signer = certificates.iter().chain(known).find(is_signer).context("the signer's certificate is not there")?.clone();
        check_signature(info_of_signer, content.value(), &signer)?;
        let stamp = Stamp { at: info.at, authority: signer.tbs_certificate.subject.to_string() };
        Ok(Self { stamp, nonce: info.nonce, signer, certificates })
    }
}

fn signed_data(reply: &[u8]) -> Result<SignedData> {
    let reply = TimeStampResp::from_der(reply).map_err(|error| anyhow!("not a reply of a time stamp authority: {error}"))?;
    ensure!(GRANTED.contains(&reply.status.status), "the authority did not grant a stamp (status {})", reply.status.status);
    let token = reply.token.context("the reply holds no stamp")?;
    ensure!(token.content_type == ID_SIGNED_DATA, "the stamp is not signed");
    let signed: SignedData = token.content.decode_as().map_err(|error| anyhow!("read the signed stamp: {error}"))?;
    ensure!(signed.encap_content_info.econtent_type == ID_TST_INFO, "what is signed is not a time stamp");
    Ok(signed)
}

fn is_named(certificate: &Certificate, signer: &SignerIdentifier) -> bool {
    let tbs = &certificate.tbs_certificate;
    match signer {
        SignerIdentifier::IssuerAndSerialNumber(name) => tbs.issuer == name.issuer && tbs.serial_number == name.serial_number,
        SignerIdentifier::SubjectKeyIdentifier(key) => tbs.extensions.iter().flatten().any(|extension| {
            extension.extn_id == ID_SUBJECT_KEY
                && SubjectKeyIdentifier::from_der(extension.extn_value.as_bytes()).is_ok_and(|found| found == *key)
        }),
    }
}

/// RFC 5652, section 5.4: what is signed are the attributes, as a SET OF, and they hold the digest of the content.
fn check_signature(info: &SignerInfo, content: &[u8], signer: &Certificate) -> Result<()> {
    let attributes = info.signed_attrs.as_ref().context("the stamp signs no attributes")?;
    let content_type: ObjectIdentifier = attribute(attributes, ID_CONTENT_TYPE)?.decode_as().map_err(|error| anyhow!("{error}"))?;
    ensure!(content_type == ID_TST_INFO, "the stamp's signature is over another kind of content");
    let digest: OctetString = attribute(attributes, ID_MESSAGE_DIGEST)?.decode_as().map_err(|error| anyhow!("{error}"))?;
    let found = match info.digest_alg.oid {
        SHA256 => Sha256::digest(content).to_vec(),
        SHA384 => Sha384::digest(content).to_vec(),
        SHA512 => Sha512::digest(content).to_vec(),
        other => bail!("the stamp is signed over a digest that is not taken for safe ({other})"),
    };
    ensure!(digest.as_bytes() == found, "the stamp's content is not what was signed");
    let signed = SetOfVec::<Attribute>::try_from(attributes.iter().cloned().collect::<Vec<_>>()).and_then(|set| set.to_der());
    let signed = signed.map_err(|error| anyhow!("write the signed attributes: {error}"))?;
    let certificate = CertificateDer::from(signer.to_der().map_err(|error| anyhow!("write the signer's certificate: {error}"))?);
    let certificate = EndEntityCert::try_from(&certificate).context("the signer's certificate")?;
    // A signature holds under one algorithm at most.
    let holds = ALGORITHMS.iter().any(|algorithm| certificate.verify_signature(*algorithm, &signed, info.signature.as_bytes()).is_ok());
    ensure!(holds, "the stamp's signature does not hold");
    Ok(())
}

fn attribute(attributes: &Attributes, oid: ObjectIdentifier) -> Result<&Any> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == oid).flat_map(|attribute| attribute.values.iter());
    let first = found.next().with_context(|| format!("the stamp's signature lacks the attribute {oid}"))?;
    ensure!(found.next().is_none(), "the stamp's signature has the attribute {oid} twice");
    Ok(first)
}

impl TstInfo {
    /// RFC 3161, section 2.4.2: version, policy, imprint, serial number, time; then what may be missing, of which the nonce is the only integer.
    fn from_der(bytes: &[u8]) -> Result<Self> {
        let parts = Vec::<Any>::from_der(bytes).map_err(|error| anyhow!("{error}"))?;
        let [_version, _policy, imprint, _serial, at, rest @ ..] = parts.as_slice() else { bail!("it lacks parts") };
        ensure!(at.tag() == Tag::GeneralizedTime, "it has no time");
        let imprint = imprint.decode_as().map_err(|error| anyhow!("{error}"))?;
        let nonce = rest.iter().find(|part| part.tag() == Tag::Integer).and_then(|part| part.decode_as().ok());
        Ok(Self { imprint, at: generalized_time(at.value())?, nonce })
    }
}

/// `20261102T060000Z` without the T, and with fractions of a second where the authority has them, which are cut off.
fn generalized_time(bytes: &[u8]) -> Result<DateTime<Utc>> {
    let text = std::str::from_utf8(bytes).ok().and_then(|text| text.strip_suffix('Z'));
    let whole = text.map(|text| text.split_once('.').map_or(text, |(whole, _)| whole));
    let parsed = whole.and_then(|whole| NaiveDateTime::parse_from_str(whole, "%Y%m%d%H%M%S").ok());
    parsed.map(|time| time.and_utc()).context("its time is not one of RFC 3161")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_stamp_is_read_with_and_without_fractions() {
        let at = |text: &str| generalized_time(text.as_bytes()).map(|at| at.to_rfc3339()).ok();

        assert_eq!(at("20261102060000Z").as_deref(), Some("2026-11-02T06:00:00+00:00"));
        assert_eq!(at("20261102060000.25Z").as_deref(), Some("2026-11-02T06:00:00+00:00"));
        for wrong in ["20261102060000", "20261302060000Z", "", "Z"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for bytes in [&b""[..], b"no", &[0x30, 0x03, 0x02, 0x01, 0x02]] {
            assert!(read(bytes, b"seal").is_err(), "{bytes:?}");
        }
        assert!(Authorities::parse(b"no").is_err());
    }
}
