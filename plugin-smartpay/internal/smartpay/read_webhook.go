package smartpay

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// Headers of a delivery. A fourth, Smartpay-Event-Id, repeats the id in the body, and
// is not signed: the body is what counts.
const (
	headerSignature    = "Smartpay-Signature"
	headerTimestamp    = "Smartpay-Signature-Timestamp"
	headerSubscription = "Smartpay-Subscription-Id"
)

// Limits of a delivery. Real ones are a few kilobytes.
const (
	maxDelivery      = 1 << 20
	defaultTolerance = 5 * time.Minute
)

// ReadWebhook implements [sdk.WebhookReader].
//
// Only HTTP 200 counts as received at Smartpay; anything else is sent again. What an
// event says is a hint of what to look at: the host is always asked to read again
// before it believes anything about money.
//
// An event that this connector does not know is believed, acknowledged with 200 and
// refused with unknown_event as the reason for ignoring it.
func (c *Connector) ReadWebhook(_ context.Context, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
	const op sdk.Op = "smartpay.ReadWebhook"
	if err := verify(op, req); err != nil {
		return refuse(err), nil
	}
	event, err := parseEvent(op, req.Body, req.Call.Account.Mode)
	if err != nil {
		return refuse(err), nil
	}
	return event.reading(op), nil
}

// verify is nil if the delivery was signed by Smartpay with one of our secrets, just
// now. Nothing of the body is looked at.
func verify(op sdk.Op, req sdk.WebhookRequest) *sdk.Error {
	if len(req.Body) > maxDelivery {
		return sdk.Errorf(op, sdk.CodeSchemaViolation, "the delivery has %d bytes, at most %d are read", len(req.Body), maxDelivery)
	}
	claimed, err := only(op, req.Headers, headerSignature)
	if err != nil {
		return err
	}
	stamp, err := only(op, req.Headers, headerTimestamp)
	if err != nil {
		return err
	}
	at, err := parseStamp(op, stamp)
	if err != nil {
		return err
	}
	if err := fresh(op, at, req); err != nil {
		return err
	}
	secrets := candidateSecrets(req)
	if len(secrets) == 0 {
		return sdk.Errorf(op, sdk.CodeSignatureInvalid, "no signing secret is known for this delivery")
	}
	match := false
	for _, secret := range secrets {
		key, err := decodeSecret(secret.Secret.Reveal())
		if err == nil && signed(key, stamp, req.Body, claimed) {
			match = true
		}
	}
	if !match {
		return sdk.Errorf(op, sdk.CodeSignatureInvalid, "the signature fits none of %d secrets", len(secrets))
	}
	return nil
}

// only returns the one value of a header. A header that is there twice is refused:
// two readers could each believe another one.
func only(op sdk.Op, headers map[string][]string, name string) (string, *sdk.Error) {
	var values []string
	for key, got := range headers {
		if strings.EqualFold(key, name) {
			values = append(values, got...)
		}
	}
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", sdk.Errorf(op, sdk.CodeSignatureMissing, "the header %s is missing or empty", name)
	case len(values) > 1:
		return "", sdk.Errorf(op, sdk.CodeSignatureInvalid, "the header %s is there %d times", name, len(values))
	}
	return values[0], nil
}

// maxStampDigits keeps a timestamp far from overflowing.
const maxStampDigits = 15

// parseStamp reads milliseconds since the Unix epoch, in decimal digits and nothing
// else.
func parseStamp(op sdk.Op, stamp string) (time.Time, *sdk.Error) {
	ms, err := strconv.ParseUint(stamp, 10, 63)
	if err != nil || len(stamp) > maxStampDigits {
		return time.Time{}, sdk.Errorf(op, sdk.CodeSignatureInvalid, "the timestamp is not a number of milliseconds")
	}
	return time.UnixMilli(int64(ms)), nil
}

// fresh refuses a delivery signed too long ago, or too far ahead.
func fresh(op sdk.Op, at time.Time, req sdk.WebhookRequest) *sdk.Error {
	tolerance := req.Tolerance
	if tolerance <= 0 {
		tolerance = defaultTolerance
	}
	if skew := req.Now.Sub(at).Abs(); skew > tolerance {
		return sdk.Errorf(op, sdk.CodeTimestampSkew, "the delivery was signed %s away from now, at most %s is allowed",
			skew.Round(time.Second), tolerance)
	}
	return nil
}

// candidateSecrets are the secrets that may have signed. A delivery names the endpoint
// that it is for; secrets that are kept for other endpoints are left out.
func candidateSecrets(req sdk.WebhookRequest) []sdk.SigningSecret {
	var endpoint string
	for key, got := range req.Headers {
		if strings.EqualFold(key, headerSubscription) && len(got) == 1 {
			endpoint = got[0]
		}
	}
	var candidates []sdk.SigningSecret
	for _, s := range req.Secrets {
		theirs := endpoint == "" || s.RegistrationID == "" || s.RegistrationID == endpoint
		if theirs && !s.Secret.Empty() {
			candidates = append(candidates, s)
		}
	}
	return candidates
}

// refuse is the reading of a delivery that is not believed. Smartpay sends it again
// for as long as it cares to.
func refuse(why *sdk.Error) sdk.WebhookReading {
	status := http.StatusBadRequest
	switch why.Code {
	case sdk.CodeSignatureMissing, sdk.CodeSignatureInvalid, sdk.CodeTimestampSkew:
		status = http.StatusUnauthorized
	}
	return sdk.WebhookReading{Refused: why, Respond: sdk.Respond{Status: status}}
}
