package reference

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// Headers of a delivery. The registration's id is not signed: it only says which of
// our secrets to try.
const (
	headerSignature = "Reference-Signature" // t=SECONDS,v1=HEX
	headerWebhook   = "Reference-Webhook"
)

// signatureForm has one spelling for each signature.
var signatureForm = regexp.MustCompile(`^t=([0-9]{1,12}),v1=([0-9a-f]{64})$`)

// verify is nil if the delivery was signed just now with one of our secrets. Nothing
// of the body is looked at.
func verify(op sdk.Op, req sdk.WebhookRequest) *sdk.Error {
	if len(req.Body) > maxDelivery {
		return sdk.Errorf(op, sdk.CodeSchemaViolation, "the delivery has more than %d bytes", maxDelivery)
	}
	header := values(req.Headers, headerSignature)
	switch {
	case len(header) == 0 || len(header) == 1 && header[0] == "":
		return sdk.Errorf(op, sdk.CodeSignatureMissing, "the header %s is missing or empty", headerSignature)
	case len(header) > 1:
		return sdk.Errorf(op, sdk.CodeSignatureInvalid, "the header %s is there %d times", headerSignature, len(header))
	}
	parts := signatureForm.FindStringSubmatch(header[0])
	if parts == nil {
		return sdk.Errorf(op, sdk.CodeSignatureInvalid, "the header %s must read t=SECONDS,v1=HEX", headerSignature)
	}
	if !signedByOneOf(candidates(req), parts[1], req.Body, parts[2]) {
		return sdk.Errorf(op, sdk.CodeSignatureInvalid, "no secret that is known here has made this signature")
	}
	return fresh(op, parts[1], req)
}

// fresh refuses what was signed too long ago, or too far ahead.
func fresh(op sdk.Op, stamp string, req sdk.WebhookRequest) *sdk.Error {
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return sdk.Errorf(op, sdk.CodeSignatureInvalid, "the time of signing cannot be read")
	}
	allowed := req.Tolerance
	if allowed <= 0 {
		allowed = tolerance
	}
	if skew := req.Now.Sub(time.Unix(seconds, 0)).Abs(); skew > allowed {
		return sdk.Errorf(op, sdk.CodeTimestampSkew,
			"signed %s away from now, at most %s is allowed", skew.Round(time.Second), allowed)
	}
	return nil
}

// values are those of a header, whatever the case of its name.
func values(headers map[string][]string, name string) []string {
	var all []string
	for key, got := range headers {
		if strings.EqualFold(key, name) {
			all = append(all, got...)
		}
	}
	return all
}

// candidates are the secrets that may have signed: those of the registration that the
// delivery names, if it names one, and never an empty one.
func candidates(req sdk.WebhookRequest) []sdk.Secret {
	named := values(req.Headers, headerWebhook)
	var secrets []sdk.Secret
	for _, s := range req.Secrets {
		if s.Secret.Empty() || len(named) == 1 && s.RegistrationID != "" && s.RegistrationID != named[0] {
			continue
		}
		secrets = append(secrets, s.Secret)
	}
	return secrets
}

// signedByOneOf tries every secret, and compares in constant time.
func signedByOneOf(secrets []sdk.Secret, stamp string, body []byte, claimed string) bool {
	match := false
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret.Reveal()))
		mac.Write([]byte(stamp + "."))
		mac.Write(body)
		if hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(claimed)) {
			match = true
		}
	}
	return match
}
