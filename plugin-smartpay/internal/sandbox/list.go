package sandbox

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

// paging is what a list request asks for.
type paging struct {
	from   int
	limit  int // what the client asked for, and is told back
	expand bool
}

// paging reads the query. Blank values are the same as none.
func (c *call) paging() (paging, error) {
	query := c.request.URL.Query()
	p := paging{from: book.Newest, limit: defaultPage, expand: query.Get("expand") == "all"}
	if text := query.Get("maxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return p, invalid("maxResults must be an integer of at least 1")
		}
		p.limit = n
	}
	if text := query.Get("pageToken"); text != "" {
		from, ok := readPageToken(text)
		if !ok {
			return p, invalid("pageToken must be one that a list has given")
		}
		p.from = from
	}
	if expand := query.Get("expand"); expand != "" && expand != "all" && expand != "no" {
		return p, invalid("expand must be all or no")
	}
	return p, nil
}

// expand reads the one query parameter of a retrieval.
func (c *call) expand() bool { return c.request.URL.Query().Get("expand") == "all" }

func invalid(detail string) error {
	return &invalidRequest{code: book.RequestInvalid, message: detail, details: []string{detail}}
}

// pageToken spells a position so that nobody is tempted to make one up.
func pageToken(position int) string {
	return base64.RawURLEncoding.EncodeToString([]byte("before:" + strconv.Itoa(position)))
}

func readPageToken(token string) (int, bool) {
	plain, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, false
	}
	digits, ok := strings.CutPrefix(string(plain), "before:")
	position, err := strconv.Atoi(digits)
	return position, ok && err == nil && position >= 0
}

// list answers with one page of a collection.
func list[T, W any](
	c *call, page func(*book.Tx, int, int) book.Page[T], spell func(*T, bool) W,
) (action, error) {
	ask, err := c.paging()
	if err != nil {
		return nil, err
	}
	return func(tx *book.Tx) (answer, error) {
		found := page(tx, ask.from, min(ask.limit, maxPage))
		collection := wire.Collection[W]{
			Object: "collection", PageToken: pageToken(found.From), MaxResults: ask.limit,
			Results: len(found.Items), Data: make([]W, len(found.Items)),
		}
		if found.Next > 0 {
			collection.NextPageToken = pageToken(found.Next)
		}
		for i, item := range found.Items {
			collection.Data[i] = spell(item, ask.expand)
		}
		return ok(collection), nil
	}, nil
}
