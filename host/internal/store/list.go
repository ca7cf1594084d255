package store

import (
	"context"
	"errors"
)

// List returns the payments that f selects, newest update first. Its cursors are
// opaque and belong to their filter: anything else is refused with [ErrCursor]. Paging
// neither skips nor repeats a payment that nobody changes meanwhile; one that is
// changed moves to the front.
func (s *Store) List(ctx context.Context, f Filter) (Page, error) {
	return Page{}, errors.ErrUnsupported
}
