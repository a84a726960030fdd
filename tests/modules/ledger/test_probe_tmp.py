import asyncio, random
from uuid import uuid4
import asyncpg
from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool
from souk.kernel.messages import Catalogue, Outbox
from souk.modules.ledger import *
from souk.modules.ledger import sql, MODULE
from tests.modules.ledger.conftest import Books, WORLD
from tests.modules.ledger.laws import broken_laws
async def test_fold(runtime_dsn, admin_dsn, closing):
    pool = Pool(runtime_dsn, size=40, wait=60); closing(pool.close)
    cat = Catalogue([MODULE])
    db = Database(pool, Clock(), lambda tx: Outbox(cat, tx))
    hots = [Purpose(f"hot {i}", Owner.PLATFORM, hot=True).of(USD) for i in range(60)]
    ch = random.Random(1)
    adm = await asyncpg.connect(admin_dsn)
    await db.write(lambda tx: post(tx, transfer("first", "f", WORLD.of(USD), [(h, 1) for h in hots]), last=True))
    await adm.execute("vacuum analyze")
    async def feed(n):
        for i in range(40):
            parts = [(h, 1) for h in ch.sample(hots, ch.choice((2, 30)))]
            await db.write(lambda tx: post(tx, transfer(f"f{n}.{i}", "f", WORLD.of(USD), parts), last=True))
    done = False; errs = []; n = 0
    async def folder():
        nonlocal n
        while not done:
            try: n += await db.write(lambda tx: tx.run(sql.FOLD, ch.choice((20, 100, 500))))
            except Exception as e: errs.append(repr(e))
            await asyncio.sleep(0)
    ts = [asyncio.create_task(folder()) for _ in range(20)]
    await asyncio.gather(*(feed(n) for n in range(20)))
    done = True
    await asyncio.gather(*ts)
    await asyncio.sleep(1.2)
    print("FOLD deadlocks", await adm.fetchval("select deadlocks from pg_stat_database where datname=current_database()"), n, errs[:3], await broken_laws(admin_dsn)); await adm.close()
