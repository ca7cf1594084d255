package smartpay

import (
	"context"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
)

// Bounds of reading a list. Smartpay has no filter for its lists and does not say how
// large a page may be; a server that caps it lower only makes more pages of it.
const (
	pageSize = 100
	maxPages = 50
)

// A listed object has a time of creation.
type listed interface {
	*api.Order | *api.Refund
}

// walk visits what a list holds that is not older than since, or everything if since
// is zero. It reports whether it has seen all of that: it gives up after maxPages.
//
// Lists are newest first [INF]. walk relies on that to stop early only while the
// pages it reads bear it out; otherwise it reads to the end of the list. An object
// may be visited twice, when new ones push it onto the next page.
func walk[T listed](
	ctx context.Context,
	since time.Time,
	fetch func(context.Context, api.PageRequest) (*api.Page[T], error),
	at func(T) api.Millis,
	visit func(T),
) (complete bool, err error) {
	oldest := since.UnixMilli()
	request := api.PageRequest{Max: pageSize}
	previous, newestFirst, pairs := api.Millis(0), true, 0
	for range maxPages {
		page, err := fetch(ctx, request)
		if err != nil {
			return false, err
		}
		for _, object := range page.Data {
			visit(object)
			if created := at(object); created != 0 {
				if previous != 0 {
					pairs++
					newestFirst = newestFirst && created <= previous
				}
				previous = created
			}
		}
		past := !since.IsZero() && previous != 0 && int64(previous) < oldest
		if page.NextPageToken == "" || past && newestFirst && pairs > 0 {
			return true, nil
		}
		request.Token = page.NextPageToken
	}
	return false, nil
}
