package book

import "encoding/json"

// TokenStatus is where a token stands (smartpay-api.md §8.1).
type TokenStatus string

// The five statuses.
const (
	TokenWaiting  TokenStatus = "requires_authorization"
	TokenActive   TokenStatus = "active"
	TokenRefused  TokenStatus = "rejected"
	TokenOff      TokenStatus = "disabled"
	TokenGone     TokenStatus = "deleted"
	tokenOrderBad             = "a token that is %s cannot pay"
)

// Token lets a merchant charge a buyer again.
type Token struct {
	ID        ID
	Created   int64
	Updated   int64
	Status    TokenStatus
	Reference string
	Metadata  json.RawMessage `json:",omitempty"`
	Session   *Session        `json:"-"`
}

func (tx *Tx) openToken(reference string, metadata json.RawMessage) *Token {
	t := &Token{
		ID: tx.id(), Created: tx.ms(), Updated: tx.ms(), Status: TokenWaiting, Reference: reference, Metadata: metadata,
	}
	insert(tx, &tx.m.tokens, t.ID, t)
	tx.emit(TokenCreated, t)
	return t
}

// Token finds a token that has not been deleted.
func (tx *Tx) Token(id string) (*Token, error) {
	if t, ok := find(tx, &tx.m.tokens, KindToken, id); ok && t.Status != TokenGone {
		return t, nil
	}
	return nil, missing(TokenNotFound, id)
}

// Tokens lists active and disabled tokens from a position, newest first.
func (tx *Tx) Tokens(from, limit int) Page[Token] {
	return tx.m.tokens.page(from, limit, func(t *Token) bool {
		return t.Status == TokenActive || t.Status == TokenOff
	})
}

// DecideToken is the buyer's answer to a token that waits for one. It reports
// false when the token no longer waits, or its session has run out; nothing
// changes then.
func (tx *Tx) DecideToken(t *Token, approve bool) bool {
	if t.Status != TokenWaiting || tx.Closed(t.Session) {
		return false
	}
	if approve {
		tx.setToken(t, TokenActive, TokenApproved)
	} else {
		tx.setToken(t, TokenRefused, TokenRejected)
	}
	return true
}

// SwitchToken enables or disables a token. Doing so twice is no change and no
// error; a token the buyer never approved is not found.
func (tx *Tx) SwitchToken(id string, on bool) error {
	t, err := tx.Token(id)
	if err != nil {
		return err
	}
	if t.Status != TokenActive && t.Status != TokenOff {
		return missing(TokenNotFound, id)
	}
	switch {
	case on && t.Status == TokenOff:
		tx.setToken(t, TokenActive, TokenEnabled)
	case !on && t.Status == TokenActive:
		tx.setToken(t, TokenOff, TokenDisabled)
	}
	return nil
}

// DeleteToken removes a token for good.
func (tx *Tx) DeleteToken(id string) error {
	t, err := tx.Token(id)
	if err != nil {
		return err
	}
	tx.setToken(t, TokenGone, TokenDeleted)
	return nil
}

func (tx *Tx) setToken(t *Token, status TokenStatus, event EventType) {
	t.Status, t.Updated = status, tx.ms()
	tx.touch(t)
	tx.emit(event, t)
}

// OrderWithToken makes an order and charges it at once. The order may still be
// declined: then it is rejected, which is an answer and not an error.
func (tx *Tx) OrderWithToken(tokenID string, spec OrderSpec, decline bool) (*Order, error) {
	t, err := tx.Token(tokenID)
	if err != nil {
		return nil, err
	}
	if t.Status != TokenActive {
		return nil, refuse(TokenInvalid, tokenOrderBad, t.Status)
	}
	o := tx.openOrder(spec, t)
	tx.emit(TokenUsed, t)
	if decline {
		tx.Decline(o, false)
	} else {
		tx.Approve(o)
	}
	return o, nil
}
