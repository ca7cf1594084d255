package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
)

// consumer answers the endpoints that stand in for a buyer in the test suites
// of the provider's own clients (smartpay-api.md §11.2). They are not part of
// the public API. Bodies are read as JSON whatever the content type says.
func (s *Server) consumer(c *call) answer {
	in, err := c.input()
	if err != nil {
		return failure(err)
	}
	if c.target.name == "POST /consumers/auth/login" {
		return s.login(in)
	}
	scheme, token, _ := strings.Cut(c.request.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || !s.loggedIn(token) {
		return notAuthorized()
	}
	id := c.target.params["id"]
	if c.target.name == "PUT /tokens/{id}/approve" {
		return s.consumerToken(c, id)
	}
	return s.consumerOrder(c, id, in.text("paymentMethod", 0, maxText))
}

// login takes anyone who gives an address and a password: there are no accounts.
func (s *Server) login(in input) answer {
	in.require("emailAddress", "password")
	email := in.text("emailAddress", 1, maxText)
	in.text("password", 1, maxText)
	if err := in.err(); err != nil {
		return failure(err)
	}
	return ok(struct {
		AccessToken string `json:"accessToken"`
	}{s.accessToken(base64.RawURLEncoding.EncodeToString([]byte(email)))})
}

func (s *Server) accessToken(who string) string {
	mac := hmac.New(sha256.New, []byte(s.book.Secret()))
	mac.Write([]byte("consumer:" + who))
	return who + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (s *Server) loggedIn(token string) bool {
	who, _, _ := strings.Cut(token, ".")
	return hmac.Equal([]byte(token), []byte(s.accessToken(who)))
}

// consumerOrder approves an order, or declines it where the name of the means
// of payment says so [INF].
func (s *Server) consumerOrder(c *call, id, method string) answer {
	a := failure(&book.Refusal{Code: book.OrderNotFound, Message: "no such order"})
	c.due = append(c.due, s.withOrder(id, "consumer", func(tx *book.Tx, o *book.Order) {
		done := false
		if strings.Contains(strings.ToLower(method), "rejected") {
			done = tx.Decline(o, false)
		} else {
			done = tx.Approve(o)
		}
		if !done {
			a = refused(book.CannotCapture, "an order that is "+string(o.Status)+" cannot be authorised")
			return
		}
		a = ok(struct {
			ID     string      `json:"id"`
			Status book.Status `json:"status"`
		}{id, o.Status})
	})...)
	return a
}

func (s *Server) consumerToken(c *call, id string) answer {
	a := failure(&book.Refusal{Code: book.TokenNotFound, Message: "no such token"})
	c.due = append(c.due, s.withToken(id, "consumer", func(tx *book.Tx, t *book.Token) {
		if tx.DecideToken(t, true) {
			a = answer{status: http.StatusOK}
		}
	})...)
	return a
}

// everywhere does fn with the books of one merchant after another until it
// reports that it has found what it was looking for.
func (s *Server) everywhere(by string, fn func(*book.Tx) bool) []*book.Delivery {
	var due []*book.Delivery
	for _, m := range s.book.Merchants() {
		found := false
		due = append(due, m.Do(book.Cause{By: by}, func(tx *book.Tx) { found = fn(tx) })...)
		if found {
			break
		}
	}
	return due
}

// withOrder does fn with the order of an identifier, whosever it is, and
// nothing when there is none.
func (s *Server) withOrder(id, by string, fn func(*book.Tx, *book.Order)) []*book.Delivery {
	return s.everywhere(by, func(tx *book.Tx) bool {
		o, err := tx.Order(id)
		if err == nil {
			fn(tx, o)
		}
		return err == nil
	})
}

// withToken is [Server.withOrder] for a token.
func (s *Server) withToken(id, by string, fn func(*book.Tx, *book.Token)) []*book.Delivery {
	return s.everywhere(by, func(tx *book.Tx) bool {
		t, err := tx.Token(id)
		if err == nil {
			fn(tx, t)
		}
		return err == nil
	})
}
