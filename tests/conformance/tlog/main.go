// Read folders of a mirror as logs of C2SP tlog-tiles, by Go's own library, and prove every record and every old tree.
//
// Each argument is a folder with a checkpoint. A log of more than 600 records is sampled. Ends with how many records
// and entries held, or with what did not.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// folder reads tiles from files. The library writes the height into a tile's path, and C2SP does not.
type folder string

func (f folder) Height() int { return height }

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		name := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
		content, err := os.ReadFile(filepath.Join(string(f), name))
		if err != nil {
			return nil, err
		}
		data[i] = content
	}
	return data, nil
}

func main() {
	records, entries := int64(0), int64(0)
	for _, name := range os.Args[1:] {
		r, e, err := check(name)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			os.Exit(1)
		}
		records, entries = records+r, entries+e
	}
	fmt.Printf("logs %d, records %d, entries %d\n", len(os.Args)-1, records, entries)
}

func check(name string) (records, entries int64, err error) {
	tree, err := readTree(name)
	if err != nil {
		return 0, 0, err
	}
	hashes := tlog.TileHashReader(tree, folder(name))
	for i := int64(0); i < tree.N; i += 1 + tree.N/600 {
		if err := proveRecord(tree, i, hashes); err != nil {
			return 0, 0, fmt.Errorf("record %d: %w", i, err)
		}
		if err := proveTree(tree, i+1, hashes); err != nil {
			return 0, 0, fmt.Errorf("tree of %d: %w", i+1, err)
		}
		records++
	}
	entries, err = checkEntries(name, tree, hashes)
	return records, entries, err
}

func readTree(name string) (tlog.Tree, error) {
	text, err := os.ReadFile(filepath.Join(name, "checkpoint"))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 4 {
		return tlog.Tree{}, errors.New("the checkpoint has too few lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, errors.New("the checkpoint has no root")
	}
	return tlog.Tree{N: size, Hash: *(*tlog.Hash)(root)}, nil
}

func proveRecord(tree tlog.Tree, index int64, hashes tlog.HashReader) error {
	leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return err
	}
	proof, err := tlog.ProveRecord(tree.N, index, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf[0])
}

func proveTree(tree tlog.Tree, size int64, hashes tlog.HashReader) error {
	old, err := tlog.TreeHash(size, hashes)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveTree(tree.N, size, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, size, old)
}

// checkEntries compares the entries, where a log has them, with the leaves.
func checkEntries(name string, tree tlog.Tree, hashes tlog.HashReader) (int64, error) {
	next := int64(0)
	for next < tree.N {
		tile := tlog.Tile{H: height, L: 0, N: next >> height, W: 1 << height}
		if tree.N-next < 1<<height {
			tile.W = int(tree.N - next)
		}
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/0/", height), "tile/entries/", 1)
		data, err := os.ReadFile(filepath.Join(name, path))
		if errors.Is(err, fs.ErrNotExist) && next == 0 {
			return 0, nil
		}
		if err != nil {
			return next, err
		}
		indexes := make([]int64, tile.W)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, next+int64(i))
		}
		leaves, err := hashes.ReadHashes(indexes)
		if err != nil {
			return next, err
		}
		for _, leaf := range leaves {
			size := 2 + int(binary.BigEndian.Uint16(data))
			if tlog.RecordHash(data[2:size]) != leaf {
				return next, fmt.Errorf("entry %d is not its leaf's", next)
			}
			data = data[size:]
			next++
		}
		if len(data) > 0 {
			return next, errors.New("there is something behind the last entry")
		}
	}
	return next, nil
}
