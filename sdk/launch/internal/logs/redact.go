package logs

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
)

// Mask stands where a secret was.
const Mask = "[secret]"

const (
	minSecret  = 6    // shorter ones would mask ordinary words
	maxSecrets = 2048 // the oldest is forgotten first
)

// A Redactor masks secrets in text. It is safe for concurrent use.
type Redactor struct {
	extra func(string) string

	known    sync.Map // secret -> struct{}; what Learn can skip
	mu       sync.Mutex
	secrets  []string                         // in the order in which they were learnt
	replacer atomic.Pointer[strings.Replacer] // nil if there is a secret that it does not know
}

// NewRedactor returns a Redactor that applies extra, if it is not nil, after its own rules.
func NewRedactor(extra func(string) string) *Redactor { return &Redactor{extra: extra} }

// Learn makes r mask secret from now on; of several lines, each. What has fewer than
// six bytes is ignored.
func (r *Redactor) Learn(secret string) {
	if _, known := r.known.Load(secret); known || len(secret) < minSecret {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.known.LoadOrStore(secret, struct{}{}); known {
		return
	}
	r.secrets = append(r.secrets, secret)
	if len(r.secrets) > maxSecrets {
		r.known.Delete(r.secrets[0])
		r.secrets = slices.Delete(r.secrets, 0, 1)
	}
	r.replacer.Store(nil)
}

// current returns the replacer of all secrets, made when it is first needed: secrets
// are learnt by calls, which do not wait for it.
func (r *Redactor) current() *strings.Replacer {
	if replacer := r.replacer.Load(); replacer != nil {
		return replacer
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	replacer := strings.NewReplacer(replacements(r.secrets)...)
	r.replacer.Store(replacer)
	return replacer
}

// replacements pairs every line of every secret with the mask, longest first, because
// a Replacer takes the first that fits.
func replacements(secrets []string) []string {
	var parts []string
	for _, secret := range secrets {
		for part := range strings.Lines(secret) {
			if part = strings.TrimSpace(part); len(part) >= minSecret {
				parts = append(parts, part)
			}
		}
	}
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(parts))
	for _, part := range parts {
		pairs = append(pairs, part, Mask)
	}
	return pairs
}

// Redact returns s with every secret masked that is known or looks like one.
func (r *Redactor) Redact(s string) string {
	s = r.current().Replace(s)
	lower := strings.ToLower(s)
	for _, p := range patterns {
		if containsAny(lower, p.hints) {
			s = p.find.ReplaceAllStringFunc(s, func(found string) string { return p.mask(p.find, found) })
		}
	}
	if r.extra != nil {
		s = r.extra(s)
	}
	return s
}

// A pattern is the shape of a credential. Looking for it costs a hundred times what
// looking for one of its hints costs, and almost no line has one.
type pattern struct {
	hints []string // in lower case; no match has none of them
	find  *regexp.Regexp
	mask  func(find *regexp.Regexp, found string) string
}

var secretWords = []string{"password", "passwd", "secret", "api_key", "api-key", "apikey", "private_key", "private-key",
	"privatekey", "access_token", "access-token", "accesstoken", "cvc", "cvv"}

// patterns leave readable what introduces a credential.
var patterns = []pattern{
	{
		[]string{"private key-----"},
		regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)()`), keepFirst,
	},
	{
		[]string{"authorization"},
		regexp.MustCompile(`(?i)(authorization["']?\s*[:=]\s*["']?)(?:[a-z]+\s+)?[^\s"',;\[]+`), keepFirst,
	},
	{
		[]string{"basic", "bearer"},
		regexp.MustCompile(`(?i)\b((?:basic|bearer)\s+)([a-z0-9+/=._~:-]{6,})`), maskScheme,
	},
	{
		[]string{"sk_", "rk_", "whsec_"},
		regexp.MustCompile(`\b((?:sk|rk|whsec)_)[A-Za-z0-9_]{8,}`), keepFirst,
	},
	{
		secretWords,
		regexp.MustCompile(`(?i)(["']?\b[a-z_-]*(?:` + strings.Join(secretWords, "|") +
			`)["']?\s*[:=]\s*["']?)[^\s"'\[,;&}]+`), keepFirst,
	},
	{
		[]string{"2", "3", "4", "5", "6"},
		regexp.MustCompile(`\b[2-6](?:[ -]?\d){12,18}\b`), maskCard,
	},
}

func containsAny(s string, hints []string) bool {
	return slices.ContainsFunc(hints, func(hint string) bool { return strings.Contains(s, hint) })
}

// keepFirst keeps what the first group has found.
func keepFirst(find *regexp.Regexp, found string) string {
	return find.FindStringSubmatch(found)[1] + Mask
}

// maskScheme masks the credentials of HTTP's authentication schemes and leaves words
// alone: credentials have capitals or digits, or are long.
func maskScheme(find *regexp.Regexp, found string) string {
	const word = 20
	parts := find.FindStringSubmatch(found)
	scheme, credentials := parts[1], parts[2]
	if len(credentials) < word && !strings.ContainsFunc(credentials, func(r rune) bool {
		return unicode.IsUpper(r) || unicode.IsDigit(r)
	}) {
		return found
	}
	return scheme + Mask
}

// maskCard masks what passes the check that every card number passes (ISO/IEC 7812-1).
func maskCard(_ *regexp.Regexp, found string) string {
	sum, double := 0, false
	for i := len(found) - 1; i >= 0; i-- {
		if found[i] < '0' || found[i] > '9' {
			continue
		}
		digit := int(found[i] - '0')
		if double {
			digit *= 2
			digit = digit/10 + digit%10
		}
		sum += digit
		double = !double
	}
	if sum%10 != 0 {
		return found
	}
	return Mask
}

// namesSecret reports whether an attribute's name says that its value is secret.
func namesSecret(key string) bool { return secretName.MatchString(key) }

var secretName = regexp.MustCompile(`(?i)(?:authorization|` + strings.Join(secretWords, "|") + `)$`)
