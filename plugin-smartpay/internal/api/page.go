package api

import (
	"fmt"
	"net/url"
	"strconv"
)

// A PageRequest asks for one page of a list. The zero PageRequest asks for the first
// page at Smartpay's own size, which is 20.
type PageRequest struct {
	Max   int    // the most objects on the page; 0 leaves it to Smartpay. Its upper bound is unknown. [UNK]
	Token string // NextPageToken of the page before; "" for the first
}

func (p PageRequest) query() url.Values {
	q := url.Values{}
	if p.Max > 0 {
		q.Set("maxResults", strconv.Itoa(p.Max))
	}
	if p.Token != "" {
		q.Set("pageToken", p.Token)
	}
	return q
}

// A Page is one page of a list of objects of this package, by pointer.
type Page[T comparable] struct {
	Object        string `json:"object"`
	Data          []T    `json:"data"`
	NextPageToken string `json:"nextPageToken"` // "" on the last page
}

func (p *Page[T]) check(want subject) error {
	if p.Object != string(KindCollection) {
		return &Foreign{Field: "object", Want: string(KindCollection), Got: p.Object}
	}
	if p.Data == nil {
		return fmt.Errorf("%w: the list has no data", ErrUnreadable)
	}
	var null T
	for i, object := range p.Data {
		a, ok := any(object).(answer)
		if object == null || !ok {
			return fmt.Errorf("%w: data[%d] is null", ErrUnreadable, i)
		}
		if err := a.check(want); err != nil {
			return fmt.Errorf("data[%d]: %w", i, err)
		}
	}
	return nil
}
