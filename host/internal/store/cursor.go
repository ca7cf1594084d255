package store

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
)

// A place is a position in an ordered list, and the way to go from there.
type place struct {
	back  bool  // towards the start of the list
	major int64 // what the list is ordered by
	minor int64 // what decides between equals
}

const placeSize = 1 + 8 + 8

// cursor writes a place down for the caller to bring back. It is valid for the given
// query only, and nobody else can make one.
func (k *keys) cursor(p place, query []byte) string {
	text := make([]byte, 1, placeSize+16)
	if p.back {
		text[0] = 1
	}
	text = binary.BigEndian.AppendUint64(text, uint64(p.major)) //nolint:gosec // bits, not a number
	text = binary.BigEndian.AppendUint64(text, uint64(p.minor)) //nolint:gosec // as above
	return base64.RawURLEncoding.EncodeToString(append(text, k.sign(query, text)...))
}

// place reads what cursor wrote, or fails with [ErrCursor].
func (k *keys) place(cursor string, query []byte) (place, error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(text) != placeSize+16 {
		return place{}, ErrCursor
	}
	text, code := text[:placeSize], text[placeSize:]
	if !hmac.Equal(code, k.sign(query, text)) {
		return place{}, ErrCursor
	}
	return place{
		back:  text[0] == 1,
		major: int64(binary.BigEndian.Uint64(text[1:])), //nolint:gosec // bits, not a number
		minor: int64(binary.BigEndian.Uint64(text[9:])), //nolint:gosec // as above
	}, nil
}
