package console

import (
	"net/http"
	"net/url"

	"github.com/google/uuid"
)

// longest is how much of what an address claims is shown, in characters.
const longest = 80

// returned is what a buyer's browser brought back.
type returned struct {
	ID     string // as claimed
	Link   string // the payment's page, if the claim could be a payment's id
	Status string
}

// returned is the page of a shop that there is not: where the buyer of a development
// payment lands. It needs no session and tells nothing but what the address claims.
func (s *console) returned(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	v := returned{ID: cut(query.Get("transaction_id")), Status: cut(query.Get("transaction_status"))}
	if id, err := uuid.Parse(v.ID); err == nil && id.String() == v.ID {
		v.Link = root + "/payments/" + url.PathEscape(v.ID)
	}
	s.show(w, r, http.StatusOK, s.sessions.of(r), view{"returned", "Back from the payment page", v})
}

func cut(text string) string {
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return text
}
