"""Makes the Parquet files of ParquetRecordsTest: python3 parquet.py, with pyarrow 25."""
import pyarrow as pa
import pyarrow.parquet as pq

message = pa.struct([("role", pa.string()), ("content", pa.string()), ("name", pa.string())])
chats = pa.table(
    {
        "messages": pa.array(
            [
                [
                    {"role": "user", "content": f"What is {i} + {i}?"},
                    {"role": "assistant", "content": f"It is {2 * i}. \u00e9\U0001f99c"},
                ]
                for i in range(10)
            ],
            pa.list_(message),
        ),
        "id": pa.array(range(10), pa.int64()),
    }
)
pq.write_table(chats, "chats.parquet", row_group_size=4)  # packed by Snappy
pairs = pa.table(
    {
        "question": pa.array([f"{i} + 1?" for i in range(50)]),
        "answer": pa.array([None if i == 17 else str(i + 1) for i in range(50)]),
        "score": pa.array([i / 2 for i in range(50)]),
    }
)
for codec in ["none", "gzip", "zstd", "snappy"]:
    pq.write_table(pairs, f"pairs-{codec}.parquet", compression=codec, row_group_size=20)
pq.write_table(pairs.slice(0, 3), "pairs-lz4.parquet", compression="lz4")
# A text that isn't UTF-8, in a column and in a list, which writers of other languages don't check.
bytes_ = pa.array([b"good", b"caf\xe9", b"\xed\xa0\xbd"])
bad = pa.Array.from_buffers(pa.string(), 3, bytes_.buffers())
lists = pa.ListArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), bad)
pq.write_table(pa.table({"text": bad}), "malformed.parquet")
pq.write_table(pa.table({"prompt": lists, "completion": lists}), "malformed-lists.parquet")
