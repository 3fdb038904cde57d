/**
 * Certificates for one run: an authority that the tests can trust, and what it issues. Node reads X.509 but does not
 * write it.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto"

/** A certificate and its key in PEM, as `tls.createServer` takes them. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** An authority, and how it issues a certificate for an address. */
export interface Authority extends Certificate {
  readonly issue: (options?: { readonly address?: string; readonly notAfter?: Date }) => Certificate
}

/** An IPv4 address that a certificate stands for unless told otherwise: that of the tests' servers. */
const loopback = "127.0.0.1"

export const makeAuthority = (name = "Weav.ai test authority"): Authority => {
  const authority = newSubject(name)
  return {
    ...certify(authority, authority, [basicConstraints], inOneHour()),
    issue: ({ address = loopback, notAfter = inOneHour() } = {}) =>
      certify(newSubject(address), authority, [alternativeName(address)], notAfter)
  }
}

/** A certificate that vouches for itself. */
export const selfSigned = (): Certificate => {
  const subject = newSubject(loopback)
  return certify(subject, subject, [alternativeName(loopback)], inOneHour())
}

interface Subject {
  readonly name: string
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

const newSubject = (name: string): Subject => ({ name, ...generateKeyPairSync("ec", { namedCurve: "P-256" }) })

const inOneHour = () => new Date(Date.now() + 3_600_000)

const certify = (subject: Subject, issuer: Subject, extensions: ReadonlyArray<Buffer>, notAfter: Date): Certificate => {
  const content = sequence(
    der(0xa0, der(0x02, Buffer.of(2))), // version 3
    der(0x02, Buffer.of(1), randomBytes(8)), // serial number
    ecdsaWithSha256,
    distinguishedName(issuer.name),
    sequence(utcTime(new Date(notAfter.getTime() - 7_200_000)), utcTime(notAfter)),
    distinguishedName(subject.name),
    subject.publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions))
  )
  const signature = der(0x03, Buffer.of(0), sign("sha256", content, issuer.privateKey))
  const base64 = sequence(content, ecdsaWithSha256, signature).toString("base64")
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`,
    key: subject.privateKey.export({ type: "pkcs8", format: "pem" }).toString()
  }
}

/** A value in ASN.1's Distinguished Encoding Rules: its tag, its length and its content. */
const der = (tag: number, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}

const sequence = (...parts: ReadonlyArray<Uint8Array>): Buffer => der(0x30, ...parts)

const objectId = (hex: string): Buffer => der(0x06, Buffer.from(hex, "hex"))

const ecdsaWithSha256 = sequence(objectId("2a8648ce3d040302"))

const distinguishedName = (commonName: string): Buffer =>
  sequence(der(0x31, sequence(objectId("550403"), der(0x0c, Buffer.from(commonName)))))

const utcTime = (date: Date): Buffer => der(0x17, Buffer.from(`${date.toISOString().replace(/\D/g, "").slice(2, 14)}Z`))

const extension = (id: string, value: Buffer): Buffer => sequence(objectId(id), der(0x04, value))

/** "May issue others." */
const basicConstraints = extension("551d13", sequence(der(0x01, Buffer.of(0xff))))

const alternativeName = (address: string): Buffer =>
  extension("551d11", sequence(der(0x87, Buffer.from(address.split(".").map(Number)))))
