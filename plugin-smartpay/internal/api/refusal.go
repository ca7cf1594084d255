package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
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

// said cleans what the provider said: the key and what is private masked, valid UTF-8,
// of bounded length.
func (m Merchant) said(text string, limit int) string {
	if text == "" {
		return text
	}
	text = m.key.mask(text)
	for _, word := range spellings(m.private) {
		text = strings.ReplaceAll(text, word, private)
	}
	return clip(text, limit)
}

// shortest is the fewest bytes of a word worth hiding.
const shortest = 4

// spellings are the forms in which an echo may have the words, longest first, so that
// none leaves the rest of another.
func spellings(words []string) []string {
	var forms []string
	for _, word := range words {
		if len(word) < shortest {
			continue
		}
		query := url.QueryEscape(word)
		forms = append(forms, word, query, strings.ReplaceAll(query, "+", "%20"), inASCII(word))
		if text, err := encode(word); err == nil {
			forms = append(forms, string(text[1:len(text)-1]))
		}
	}
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return slices.Compact(forms)
}

// inASCII is text as JSON has it that keeps to ASCII.
func inASCII(text string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		if unit < utf8.RuneSelf {
			b.WriteByte(byte(unit))
			continue
		}
		fmt.Fprintf(&b, `\u%04x`, unit)
	}
	return b.String()
}

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
