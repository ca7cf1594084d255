package certificate

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// PayloadType is that of in-toto statements.
const PayloadType = "application/vnd.in-toto+json"

// An envelope is a DSSE envelope, as
// https://github.com/secure-systems-lab/dsse/blob/master/envelope.md has it.
type envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"` // base64
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"` // base64
}

// strict refuses what other encodings of the same bytes there are.
var strict = base64.StdEncoding.Strict()

// preAuth is what is signed: the pre-authentication encoding of DSSE version 1.
func preAuth(payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(PayloadType), PayloadType, len(payload), payload)
}

// seal returns the one form of an envelope.
func seal(payload, sig []byte, keyID string) ([]byte, error) {
	return envelope{
		PayloadType: PayloadType, Payload: strict.EncodeToString(payload),
		Signatures: []signature{{keyID, strict.EncodeToString(sig)}},
	}.bytes()
}

func (e envelope) bytes() ([]byte, error) {
	raw, err := json.Marshal(e)
	return append(raw, '\n'), err
}

// unseal takes an envelope apart. It accepts the one form that seal gives it, so that
// no part of a file can be changed unnoticed, be it one that nobody signed.
func unseal(raw []byte) (payload, sig []byte, keyID string, err error) {
	if len(raw) > MaxSize {
		return nil, nil, "", finding(Malformed, "it has %d bytes, at most %d are read", len(raw), MaxSize)
	}
	var e envelope
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, nil, "", finding(Malformed, "not a DSSE envelope: %v", err)
	}
	if e.PayloadType != PayloadType {
		return nil, nil, "", finding(Malformed, "its payload is %.60q, must be %s", e.PayloadType, PayloadType)
	}
	if len(e.Signatures) != 1 {
		return nil, nil, "", finding(Malformed, "it has %d signatures, must have one", len(e.Signatures))
	}
	if canonical, err := e.bytes(); err != nil || !bytes.Equal(canonical, raw) {
		return nil, nil, "", finding(Malformed, "it was changed after it was written: not one line of JSON in the form that it is signed in")
	}
	if payload, err = strict.DecodeString(e.Payload); err != nil {
		return nil, nil, "", finding(Malformed, "its payload is not base64: %v", err)
	}
	if sig, err = strict.DecodeString(e.Signatures[0].Sig); err != nil {
		return nil, nil, "", finding(BadSignature, "its signature is not base64: %v", err)
	}
	return payload, sig, e.Signatures[0].KeyID, nil
}
