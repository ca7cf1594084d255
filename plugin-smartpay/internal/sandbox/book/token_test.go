package book

import (
	"encoding/json"
	"testing"
)

func openToken(m *Merchant) (t *Token) {
	m.Do(Cause{}, func(tx *Tx) { t = tx.OpenSession(SessionSpec{Reference: "T"}).Token })
	return t
}

// TestTokens walks every status with every action (smartpay-api.md §8.1).
func TestTokens(t *testing.T) {
	actions := map[string]func(*Tx, *Token) bool{
		"approve": func(tx *Tx, t *Token) bool { return tx.DecideToken(t, true) },
		"decline": func(tx *Tx, t *Token) bool { return tx.DecideToken(t, false) },
		"enable":  func(tx *Tx, t *Token) bool { return tx.SwitchToken(t.ID.Text(KindToken, Test), true) == nil },
		"disable": func(tx *Tx, t *Token) bool { return tx.SwitchToken(t.ID.Text(KindToken, Test), false) == nil },
		"delete":  func(tx *Tx, t *Token) bool { return tx.DeleteToken(t.ID.Text(KindToken, Test)) == nil },
		"charge": func(tx *Tx, t *Token) bool {
			_, err := tx.OrderWithToken(t.ID.Text(KindToken, Test), OrderSpec{Amount: 1, Items: json.RawMessage("[]")}, false)
			return err == nil
		},
	}
	leads := map[TokenStatus]map[string]TokenStatus{
		TokenWaiting: {"approve": TokenActive, "decline": TokenRefused, "delete": TokenGone},
		TokenActive:  {"enable": TokenActive, "disable": TokenOff, "delete": TokenGone, "charge": TokenActive},
		TokenOff:     {"enable": TokenActive, "disable": TokenOff, "delete": TokenGone},
		TokenRefused: {"delete": TokenGone},
		TokenGone:    {},
	}
	for status, allowed := range leads {
		for name, act := range actions {
			t.Run(string(status)+", "+name, func(t *testing.T) {
				m := newTestBook().Merchant("sk_test_a")
				token := openToken(m)
				token.Status = status
				m.Do(Cause{}, func(tx *Tx) {
					done := act(tx, token)
					want, ok := allowed[name]
					if !ok {
						want = status
					}
					if done != ok || token.Status != want {
						t.Errorf("done %v, now %s; want %v, %s", done, token.Status, ok, want)
					}
				})
			})
		}
	}
}

func TestOnlyUsableTokensAreListed(t *testing.T) {
	m := newTestBook().Merchant("sk_test_a")
	for _, status := range []TokenStatus{TokenWaiting, TokenActive, TokenOff, TokenRefused, TokenGone} {
		openToken(m).Status = status
	}
	m.Do(Cause{}, func(tx *Tx) {
		page := tx.Tokens(Newest, 10)
		if len(page.Items) != 2 || page.Items[0].Status != TokenOff || page.Items[1].Status != TokenActive {
			t.Errorf("listed %d tokens, want the disabled and the active one", len(page.Items))
		}
	})
}

func TestAnOrderWithATokenCanBeDeclined(t *testing.T) {
	m := newTestBook().Merchant("sk_test_a")
	token := openToken(m)
	m.Do(Cause{}, func(tx *Tx) {
		tx.DecideToken(token, true)
		order, err := tx.OrderWithToken(token.ID.Text(KindToken, Test), OrderSpec{Amount: 5}, true)
		if err != nil || order.Status != Rejected || order.Token != token {
			t.Errorf("order %+v, error %v; want one that is rejected and names its token", order, err)
		}
	})
}
