package sandbox

import (
	"net/http"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

func (s *Server) getToken(c *call) (action, error) {
	return func(tx *book.Tx) (answer, error) {
		token, err := tx.Token(c.target.params["id"])
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewToken(c.merchant.Mode, token)), nil
	}, nil
}

func (s *Server) listTokens(c *call) (action, error) {
	return list(c, (*book.Tx).Tokens, func(t *book.Token, _ bool) wire.Token {
		return wire.NewToken(c.merchant.Mode, t)
	})
}

func (s *Server) enableToken(c *call) (action, error)  { return switchToken(c, true) }
func (s *Server) disableToken(c *call) (action, error) { return switchToken(c, false) }

// switchToken answers with 200 and no body at all.
func switchToken(c *call, on bool) (action, error) {
	return func(tx *book.Tx) (answer, error) {
		return answer{status: http.StatusOK}, tx.SwitchToken(c.target.params["id"], on)
	}, nil
}

func (s *Server) deleteToken(c *call) (action, error) {
	return func(tx *book.Tx) (answer, error) {
		return answer{status: http.StatusNoContent}, tx.DeleteToken(c.target.params["id"])
	}, nil
}
