package book

import (
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestPagesCoverEverythingOnce walks a collection page by page while it grows
// and while objects vanish from it: what was there at the start and stayed is
// seen once, newest first, and nothing is seen twice.
func TestPagesCoverEverythingOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var objects table[int]
		gone := map[int]bool{}
		add := func() {
			n := len(objects.all)
			var id ID
			binary.BigEndian.PutUint64(id[:], uint64(n+1))
			objects.add(id, &n)
		}
		start := rapid.IntRange(0, 50).Draw(t, "objects")
		for range start {
			add()
		}
		limit := rapid.IntRange(1, 12).Draw(t, "limit")
		var walked []int
		for from := Newest; ; {
			page := objects.page(from, limit, func(n *int) bool { return !gone[*n] })
			if again := objects.page(page.From, limit, func(n *int) bool { return !gone[*n] }); len(again.Items) != len(page.Items) {
				t.Fatalf("position %d gives %d objects, then %d", page.From, len(page.Items), len(again.Items))
			}
			for _, n := range page.Items {
				walked = append(walked, *n)
			}
			if len(page.Items) > limit {
				t.Fatalf("%d objects on a page of %d", len(page.Items), limit)
			}
			if page.Next == 0 {
				break
			}
			if len(page.Items) != limit {
				t.Fatalf("a page of %d with another to come has %d objects", limit, len(page.Items))
			}
			from = page.Next
			for range rapid.IntRange(0, 3).Draw(t, "arrivals") {
				add()
			}
			if start > 0 && rapid.Bool().Draw(t, "one goes") {
				gone[rapid.IntRange(0, start-1).Draw(t, "which")] = true
			}
		}
		seen := map[int]bool{}
		for i, n := range walked {
			if seen[n] || i > 0 && walked[i-1] <= n {
				t.Fatalf("not newest first, each once: %v", walked)
			}
			seen[n] = true
		}
		for n := range start {
			if !seen[n] && !gone[n] {
				t.Fatalf("%d was never shown: %v", n, walked)
			}
		}
	})
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
