package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// requestIDHeader is the header in which a server commonly names a request. No
// source says which one Smartpay uses, if any. [UNK]
const requestIDHeader = "X-Request-Id"

// Limits on what is kept of a provider's words, in code points.
const (
	maxCode      = 100
	maxMessage   = 500
	maxRequestID = 100
)

// said cleans what the provider said: the key masked, valid UTF-8, of bounded length.
func (m Merchant) said(text string, limit int) string { return clip(m.key.mask(text), limit) }

type refusal struct {
	code, message string
}

// readRefusal reads an error body of any shape. The documented one is
// {"statusCode":…,"errorCode":"…","message":"…","details":[…]}; a 401 has neither
// code nor message; gateways answer in HTML. What is not there stays empty.
func readRefusal(text []byte) refusal {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return refusal{}
	}
	return refusal{code: textOf(members["errorCode"]), message: textOf(members["message"])}
}

// textOf returns a JSON string's content, and "" for any other value.
func textOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

// retryAfter reads a Retry-After header in either of its forms. 0 means that the
// server did not say, or named a moment that has passed.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return max(0, at.Sub(now))
}
