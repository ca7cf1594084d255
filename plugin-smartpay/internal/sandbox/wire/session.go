package wire

import (
	"encoding/json"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
)

// showSessionExpiry says whether a session tells when it runs out. [UNK]: one
// of the provider's clients lists the field, another does not.
const showSessionExpiry = true

// Session is a checkout session. Order and Token hold an identifier, or the
// object itself in the expanded form.
type Session struct {
	head
	URL          string          `json:"url"`
	SuccessURL   string          `json:"successUrl"`
	CancelURL    string          `json:"cancelUrl"`
	Locale       string          `json:"locale,omitempty"`
	Reference    string          `json:"reference,omitempty"`
	ExpiresAt    int64           `json:"expiresAt,omitempty"`
	Metadata     json.RawMessage `json:"metadata"`
	CustomerInfo json.RawMessage `json:"customerInfo"`
	Order        any             `json:"order,omitempty"`
	Token        any             `json:"token,omitempty"`
}

// NewSession spells a session whose hosted page is at url.
func NewSession(mode book.Mode, s *book.Session, url string, expand bool) Session {
	w := Session{
		head: newHead(s.ID.Text(book.KindSession, mode), "checkoutSession", mode, s.Created, s.Updated),
		URL:  url, SuccessURL: s.SuccessURL, CancelURL: s.CancelURL, Locale: s.Locale, Reference: s.Reference,
		Metadata: orEmpty(s.Metadata, emptyObject), CustomerInfo: orEmpty(s.Customer, emptyObject),
	}
	if showSessionExpiry {
		w.ExpiresAt = s.Expires()
	}
	switch {
	case s.Order != nil && expand:
		w.Order = NewOrder(mode, s.Order, true)
	case s.Order != nil:
		w.Order = s.Order.ID.Text(book.KindOrder, mode)
	case s.Token != nil && expand:
		w.Token = NewToken(mode, s.Token)
	case s.Token != nil:
		w.Token = s.Token.ID.Text(book.KindToken, mode)
	}
	return w
}

// Token is a token; it has one form.
type Token struct {
	head
	Status    book.TokenStatus `json:"status"`
	Reference string           `json:"reference,omitempty"`
	Metadata  json.RawMessage  `json:"metadata"`
}

// NewToken spells a token.
func NewToken(mode book.Mode, t *book.Token) Token {
	return Token{
		head:   newHead(t.ID.Text(book.KindToken, mode), "token", mode, t.Created, t.Updated),
		Status: t.Status, Reference: t.Reference, Metadata: orEmpty(t.Metadata, emptyObject),
	}
}
