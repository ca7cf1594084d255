package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
)

// A Mode is the environment that a key and every object made with it belong to.
type Mode string

// The modes, as they appear in keys and ids.
const (
	Test Mode = "test"
	Live Mode = "live"
)

// SecretKeyPattern is the form of a secret key, as Smartpay's official clients
// check it. It is also valid in JSON Schema.
const SecretKeyPattern = `^sk_(test|live)_[0-9a-zA-Z]+$`

var secretKeyForm = regexp.MustCompile(SecretKeyPattern)

// A SecretKey authenticates one merchant. Every way of printing it shows a
// placeholder, or an address where it sits in a field that fmt may not ask: that is
// why the text is behind a pointer.
type SecretKey struct{ text *string }

// ErrKeyForm says that a text is not a secret key.
var ErrKeyForm = errors.New("not a Smartpay secret key: want sk_test_ or sk_live_ and letters or digits")

// ParseSecretKey checks the form of a secret key and nothing else. The error does
// not repeat the text.
func ParseSecretKey(text string) (SecretKey, error) {
	if !secretKeyForm.MatchString(text) {
		return SecretKey{}, ErrKeyForm
	}
	return SecretKey{&text}, nil
}

// Mode is the environment that the key opens.
func (k SecretKey) Mode() Mode {
	if strings.HasPrefix(k.reveal(), "sk_live_") {
		return Live
	}
	return Test
}

// Sum tells keys apart without being one.
func (k SecretKey) Sum() [sha256.Size]byte { return sha256.Sum256([]byte(k.reveal())) }

func (k SecretKey) reveal() string {
	if k.text == nil {
		return ""
	}
	return *k.text
}

// Placeholders for what must not show.
const (
	masked  = "[secret]"
	private = "[private]"
)

// String returns a placeholder.
func (k SecretKey) String() string { return masked }

// Format prints a placeholder for every verb.
func (k SecretKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(masked)) }

// LogValue logs a placeholder.
func (k SecretKey) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText encodes a placeholder.
func (k SecretKey) MarshalText() ([]byte, error) { return []byte(masked), nil }

// mask removes the key from what a provider said, in the forms in which a server that
// echoes what it was sent would show it: as it is, in hexadecimal, in base64 wherever in
// a longer text it stands, and with any of its characters escaped as in JSON or in a URL.
func (k SecretKey) mask(text string) string {
	key := k.reveal()
	if key == "" || text == "" {
		return text
	}
	text = strings.ReplaceAll(text, key, masked)
	for _, form := range encodings(key) {
		text = strings.ReplaceAll(text, form, masked)
	}
	if strings.Contains(text, `\u00`) || strings.Contains(text, "%") {
		text = escapes(key).ReplaceAllLiteralString(text, masked)
	}
	return text
}

// encodings are the key in hexadecimal and in base64. What base64 makes of a text
// depends on where in a group of three bytes it starts, so there are three of those;
// characters that hold bits of a neighbour as well are left off.
func encodings(key string) []string {
	inHex := hex.EncodeToString([]byte(key))
	forms := []string{inHex, strings.ToUpper(inHex)}
	for before := range 3 {
		first, end := (before*8+5)/6, (before+len(key))*8/6
		whole := append(make([]byte, before), key...)
		forms = append(forms,
			base64.StdEncoding.EncodeToString(whole)[first:end], base64.URLEncoding.EncodeToString(whole)[first:end])
	}
	return forms
}

// escapes matches the key with some or all of its characters escaped.
func escapes(key string) *regexp.Regexp {
	var b strings.Builder
	for i := range len(key) {
		fmt.Fprintf(&b, `(?:%s|(?:\\u00|%%)(?i:%02x))`, regexp.QuoteMeta(key[i:i+1]), key[i])
	}
	return regexp.MustCompile(b.String())
}
