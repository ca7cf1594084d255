package sandbox

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
)

var secretKey = regexp.MustCompile(`^sk_(test|live)_[0-9a-zA-Z]+$`)

// secretKeyOf reads the secret key out of an Authorization header, or "".
//
// The provider's clients send the word Basic and the raw key: no base64, no
// colon. Its documentation says there is a second way but that text was cut
// [UNK]; real Basic credentials and Bearer are taken as well.
func secretKeyOf(header string) string {
	scheme, rest, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Basic") && !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	rest = strings.TrimSpace(rest)
	if secretKey.MatchString(rest) {
		return rest
	}
	if plain, err := base64.StdEncoding.DecodeString(rest); err == nil && strings.EqualFold(scheme, "Basic") {
		if key, _, _ := strings.Cut(string(plain), ":"); secretKey.MatchString(key) {
			return key
		}
	}
	return ""
}

// accepts reports whether a key is a merchant's.
func (s *Server) accepts(key string) bool {
	if key == "" {
		return false
	}
	_, tail, _ := strings.Cut(strings.TrimPrefix(key, "sk_"), "_")
	if strings.HasPrefix(tail, "invalid") {
		return false
	}
	return len(s.cfg.Keys) == 0 || slices.Contains(s.cfg.Keys, key) || s.lanes.has(book.Fingerprint(key))
}
