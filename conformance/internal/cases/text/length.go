package text

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

// rules are the schema that an authorization must satisfy: the contract's, the
// manifest's facts and what the connector adds. What it takes a connector has to take.
func rules(l *suite.Lane) (*schemas.Schema, error) {
	m := l.Description.Manifest
	facts, err := schemas.ManifestFacts(m)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	schema, err := schemas.Compile(string(sdk.OpAuthorize)+".request", facts[string(sdk.OpAuthorize)], m.RequestSchemas[sdk.OpAuthorize])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	return schema, nil
}

// farthest bounds the search for a limit.
const farthest = 6000

// most is the largest n for which the rules take a request that spoil has written n
// things to, or false if there is no such limit.
func most(l *suite.Lane, spoil func(*sdk.AuthorizeRequest, int)) (int, bool, error) {
	schema, err := rules(l)
	if err != nil {
		return 0, false, err
	}
	_, req, err := asked(l)
	if err != nil {
		return 0, false, err
	}
	first := sort.Search(farthest, func(i int) bool {
		spoil(&req, i+1)
		return len(schema.ValidateValue(req)) > 0
	})
	return first, first > 0 && first < farthest, nil
}

// kanji is a text of n characters, of three bytes each but for the last, which is
// beyond the basic plane: two units of UTF-16, four bytes.
func kanji(n int) string {
	if n < 1 {
		return ""
	}
	return strings.Repeat("漢", n-1) + "𠮷"
}

var longestOfEach = suite.Case{
	ID: "text/longest", Requirement: "PC-TEXT-003", Profile: suite.Core, Sim: true, Needs: authorizing,
	Rule: "In each field a text as long as the schema allows, in code points, arrives whole; one more is refused by the field's name.",
	Why:  "A limit that is counted in bytes or in UTF-16 refuses, or cuts, what was promised to be taken.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		sent, err := sentFields(ctx, l, fields)
		if err != nil {
			return err
		}
		var wrong []error
		for _, f := range sent {
			n, limited, err := most(l, func(r *sdk.AuthorizeRequest, n int) { f.set(r, kanji(n)) })
			if err != nil {
				return err
			}
			if limited {
				wrong = append(wrong, boundary(ctx, l, f, n))
			}
		}
		return errors.Join(wrong...)
	},
}

// boundary checks that n characters arrive and one more is refused.
func boundary(ctx context.Context, l *suite.Lane, f field, n int) error {
	step := fmt.Sprintf("authorizing with %d kanji at %s", n, f.pointer)
	writes, err := send(ctx, l, f, kanji(n))
	if err != nil {
		return suite.Brokenf(step, "it to be taken, as the schema says", "%v", err)
	}
	if !arrived(writes, kanji(n)) {
		return suite.Brokenf(step, "it to arrive whole", "%s", nearest(writes, kanji(n)))
	}
	mark := l.Mark()
	_, err = send(ctx, l, f, kanji(n+1))
	step = fmt.Sprintf("authorizing with %d kanji at %s", n+1, f.pointer)
	return errors.Join(suite.Named(step, err, f.pointer), l.Nothing(step, mark))
}

var longestDescription = suite.Case{
	ID: "text/longest-description", Requirement: "PC-TEXT-003", Profile: suite.Core, Sim: true, Needs: authorizing,
	When:     func(m sdk.Manifest) bool { return m.Limits.DescriptionLength > 0 },
	WhenText: "no limit of a description's length is claimed",
	Rule:     "A description as long as the manifest says, in code points, is taken; one more is refused by its name.",
	Why:      "A merchant who counts as the manifest says is refused at the till.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		n := l.Description.Manifest.Limits.DescriptionLength
		at := slices.IndexFunc(fields, func(f field) bool { return f.pointer == "/description" })
		if _, err := send(ctx, l, fields[at], kanji(n)); err != nil {
			return suite.Brokenf(fmt.Sprintf("authorizing with a description of %d kanji", n), "it to be taken", "%v", err)
		}
		mark := l.Mark()
		_, err := send(ctx, l, fields[at], kanji(n+1))
		step := fmt.Sprintf("authorizing with a description of %d kanji", n+1)
		return errors.Join(suite.Named(step, err, fields[at].pointer), l.Nothing(step, mark))
	},
}

// notes checks metadata at its limit: all of it arrives, and one more is refused.
func notes(ctx context.Context, l *suite.Lane, what string, of func(n int) map[string]string) error {
	n, limited, err := most(l, func(r *sdk.AuthorizeRequest, n int) { r.Metadata = of(n) })
	if err != nil || !limited {
		return err
	}
	sent, err := sentFields(ctx, l, fields[len(fields)-1:])
	if err != nil {
		return err
	}
	cell, req, err := asked(l)
	if err != nil {
		return err
	}
	req.Metadata = of(n)
	mark := l.Mark()
	_, err = l.OpenAs(ctx, cell, req)
	step := fmt.Sprintf("authorizing with %d %s of metadata", n, what)
	if err != nil {
		return suite.Brokenf(step, "them to be taken, as the schema says", "%v", err)
	}
	writes, missing := l.Wrote(mark), 0
	for name, value := range req.Metadata {
		if len(sent) > 0 && (!arrived(writes, name) || !arrived(writes, value)) {
			missing++
		}
	}
	if missing > 0 {
		return suite.Brokenf(step, "all of it to arrive", "%d entries missing or changed", missing)
	}
	_, req, err = asked(l)
	if err != nil {
		return err
	}
	req.Metadata = of(n + 1)
	mark = l.Mark()
	_, err = l.OpenAs(ctx, cell, req)
	step = fmt.Sprintf("authorizing with %d %s of metadata", n+1, what)
	return errors.Join(suite.Named(step, err, "/metadata"), l.Nothing(step, mark))
}

var metadataEntries = suite.Case{
	ID: "text/metadata-entries", Requirement: "PC-TEXT-006", Profile: suite.Core, Sim: true, Needs: authorizing,
	Rule: "As many entries of metadata as the schema allows all arrive; one more is refused, and none is dropped.",
	Why:  "The entry that is dropped is the one that the merchant's books are matched by.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return notes(ctx, l, "entries", func(n int) map[string]string {
			all := map[string]string{}
			for i := range n {
				all[fmt.Sprintf("key_%03d", i)] = fmt.Sprintf("value of %03d", i)
			}
			return all
		})
	},
}

var metadataKeys = suite.Case{
	ID: "text/metadata-keys", Requirement: "PC-TEXT-006", Profile: suite.Core, Sim: true, Needs: authorizing,
	Rule: "A name in the metadata as long as the schema allows arrives whole; a longer one is refused.",
	Why:  "Two names that are cut are one name.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return notes(ctx, l, "letters in a name", func(n int) map[string]string {
			return map[string]string{strings.Repeat("k", n): "of a long name"}
		})
	},
}

var metadataValues = suite.Case{
	ID: "text/metadata-values", Requirement: "PC-TEXT-006", Profile: suite.Core, Sim: true, Needs: authorizing,
	Rule: "A value in the metadata as long as the schema allows, in code points, arrives whole; a longer one is refused.",
	Why:  "What is cut off a note is what it was written for.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return notes(ctx, l, "kanji in a value", func(n int) map[string]string { return map[string]string{noteKey: kanji(n)} })
	},
}
