package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/connectorhost/connectorhost/sdk"
)

const (
	defaultLimit       = 20
	defaultEventsLimit = 100
	maxLimit           = 100
	maxCursor          = 1000 // characters
)

// A page is a part of a list. A client asks for the next one with the cursor and all
// that it asked for the first with.
type page[T any] struct {
	Items          []T     `json:"items"`
	Limit          int     `json:"limit"`
	NextCursor     *string `json:"next_cursor"`
	PreviousCursor *string `json:"previous_cursor"`
}

// items is a list that has no pages.
type items[T any] struct {
	Items []T `json:"items"`
}

// A window is which part of a list a request asks for.
type window struct {
	limit  int
	cursor string
}

// query reads the parameters of a request, all of them or none.
func (c *call) query() (url.Values, error) {
	values, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return nil, invalid(detail{inQuery, "", "must be a query of names and values, escaped as in a URL",
			string(sdk.CodeInvalidField)})
	}
	return values, nil
}

func windowOf(q url.Values, standard int) (window, []detail) {
	w := window{limit: standard, cursor: q.Get("cursor")}
	var found []detail
	refuse := func(name, message string) {
		found = append(found, detail{inQuery, "/" + name, message, string(sdk.CodeInvalidField)})
	}
	if q.Has("limit") {
		n, err := strconv.Atoi(q.Get("limit"))
		if err != nil || n < 1 || n > maxLimit || len(q["limit"]) > 1 {
			refuse("limit", fmt.Sprintf("must be a number from 1 to %d", maxLimit))
		}
		w.limit = n
	}
	if len(w.cursor) > maxCursor || len(q["cursor"]) > 1 {
		refuse("cursor", "must be a cursor of an answer to this query")
	}
	return w, found
}

// showPage answers with a part of a list that is short enough to be at hand as a
// whole. The cursor is the id of the last item shown, so that items which come in
// front of it neither shift nor repeat what follows.
func showPage[T any](c *call, all []T, id func(T) string) (answer, error) {
	values, err := c.query()
	if err != nil {
		return answer{}, err
	}
	w, refused := windowOf(values, defaultLimit)
	if len(refused) > 0 {
		return answer{}, invalid(refused...)
	}
	if w.cursor != "" {
		i := slices.IndexFunc(all, func(v T) bool { return id(v) == w.cursor })
		if i < 0 {
			return answer{}, invalid(detail{inQuery, "/cursor", "must be a cursor of an answer to this query",
				string(sdk.CodeInvalidField)})
		}
		all = all[i+1:]
	}
	p := page[T]{Items: all, Limit: w.limit}
	if len(all) > w.limit {
		p.Items = all[:w.limit]
		p.NextCursor = optional(id(p.Items[w.limit-1]))
	}
	if p.Items == nil {
		p.Items = []T{}
	}
	return reply(http.StatusOK, p)
}
