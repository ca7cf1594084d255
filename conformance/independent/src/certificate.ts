// The connector's own end of AutoMTLS: a key that never leaves this process and a
// certificate for it, both made for this start. The host learns the certificate from
// the handshake and trusts no other.
import 'reflect-metadata'; // @peculiar/x509 needs it, and needs it first
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension, ExtendedKeyUsage, ExtendedKeyUsageExtension, KeyUsageFlags, KeyUsagesExtension,
  SubjectAlternativeNameExtension, X509CertificateGenerator, cryptoProvider,
} from '@peculiar/x509';

const skew = 5 * 60 * 1000;
const lifetime = 10 * 365 * 24 * 3600 * 1000; // a process may live as long as it likes

/** Identity is what a server proves itself with. */
export interface Identity {
  key: Buffer; // PEM
  certificate: Buffer; // PEM
  handshake: string; // the certificate as the handshake carries it
}

/** newIdentity makes one. The host dials "localhost", whatever the socket is called. */
export async function newIdentity(): Promise<Identity> {
  cryptoProvider.set(webcrypto as unknown as Crypto);
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=localhost',
    keys: keys as unknown as CryptoKeyPair,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - skew),
    notAfter: new Date(Date.now() + lifetime),
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    key: Buffer.from(`-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`),
    certificate: Buffer.from(certificate.toString('pem')),
    // Base64 of the standard alphabet, without padding.
    handshake: Buffer.from(certificate.rawData).toString('base64').replace(/=+$/, ''),
  };
}
