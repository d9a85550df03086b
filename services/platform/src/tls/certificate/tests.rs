use tracklore_testkit::{Authority, Mounted};

use super::*;

const HOST: &str = "localhost";

fn shown(certificate: &Certificate) -> CertificateDer<'static> {
    certificate.0.shown.read().unwrap().cert[0].clone()
}

#[test]
fn what_is_no_certificate_with_its_key_is_told_with_what_to_do() {
    let authority = Authority::new();
    let [(_, chain), (_, key)] = authority.signs(HOST);
    let [_, (_, key_of_another)] = authority.signs(HOST);
    let garbage = "garbage".to_owned();
    let broken = "-----BEGIN CERTIFICATE-----\ngarbage\n-----END CERTIFICATE-----\n".to_owned();
    for (files, told) in [
        (vec![("tls.crt", chain.clone())], "put the certificate as tls.crt and its key as tls.key"),
        (vec![("tls.crt", garbage.clone()), ("tls.key", key.clone())], "no certificate in PEM: put the"),
        (vec![("tls.crt", broken), ("tls.key", key)], "aren't a certificate and its key"),
        (vec![("tls.crt", chain.clone()), ("tls.key", garbage)], "no private key in PEM: put the key"),
        (vec![("tls.crt", chain), ("tls.key", key_of_another)], "replace both together"),
    ] {
        let mounted = Mounted::new(&files);
        let error = Certificate::read(mounted.path()).unwrap_err().to_string();
        assert!(error.contains(told) && error.contains(&mounted.path().display().to_string()), "{error}");
    }
    let error = Certificate::read(Path::new("/nowhere")).unwrap_err();
    assert!(Chain(&error).to_string().contains("/nowhere/tls.crt can't be read"), "{error}");
}

#[test]
fn what_is_good_is_taken_and_what_is_bad_is_told_once_and_changes_nothing() {
    let authority = Authority::new();
    let (first, second) = (authority.signs(HOST), authority.signs(HOST));
    let mounted = Mounted::new(&first);
    let certificate = Certificate::read(mounted.path()).unwrap();
    let one = shown(&certificate);
    assert!(certificate.look().is_none());
    mounted.replace(&first);
    assert!(certificate.look().is_none(), "the same files at another place");

    mounted.replace(&second);
    assert!(matches!(certificate.look(), Some(Ok(()))));
    let two = shown(&certificate);
    assert_ne!(one, two);

    let [(_, chain), _] = first.clone();
    let mixed = [("tls.crt", chain), second[1].clone()];
    for bad in [&mixed[..], &[("tls.crt", "garbage".to_owned()), second[1].clone()], &[]] {
        mounted.replace(bad);
        assert!(matches!(certificate.look(), Some(Err(_))));
        assert!(certificate.look().is_none(), "it was told");
        assert_eq!(shown(&certificate), two);
    }
    mounted.replace(&second);
    assert!(matches!(certificate.look(), Some(Ok(()))));
    assert_eq!(shown(&certificate), two);
}
