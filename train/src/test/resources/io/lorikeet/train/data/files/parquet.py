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
